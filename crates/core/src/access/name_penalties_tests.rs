use super::*;
use fleetlink_testkit::NamePenaltyModel;

const START: Duration = Duration::from_secs(1000);
const SECOND: Duration = Duration::from_secs(1);
const NAME: &str = "cam";

fn penalties() -> NamePenalties {
    let settings = PenaltySettings {
        base: SECOND * 15,
        max: SECOND * 100,
        ..PenaltySettings::default()
    };
    NamePenalties::new(Some(settings), "3".parse().unwrap())
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn fail(penalties: &mut NamePenalties, from: &str, now: Duration) -> Option<u64> {
    let begun = penalties.fail(address(from), NAME, now);
    begun.map(|penalty| penalty.time.as_secs())
}

#[test]
fn two_lock_outs_of_wrong_passwords_are_penalised_and_each_further_one_twice_as_long() {
    let mut penalties = penalties();
    let from = "192.0.2.1";
    for _ in 0..5 {
        assert_eq!(fail(&mut penalties, from, START), None);
    }
    let mut now = START;
    for time in [15, 30, 60, 100, 100] {
        assert_eq!(fail(&mut penalties, from, now), Some(time));
        assert_eq!(fail(&mut penalties, from, now), None, "was under way");
        let refused = |name, now| penalties.refused_for(address(from), name, now);
        assert_eq!(
            refused(NAME, now),
            Some(SECOND * u32::try_from(time).unwrap())
        );
        assert_eq!(refused("uav", now), None, "another name");
        now += Duration::from_secs(time);
        assert_eq!(refused(NAME, now), None);
    }
    assert_eq!(
        fail(&mut penalties, "192.0.2.2", now),
        None,
        "another network"
    );
}

#[test]
fn a_right_password_the_operator_and_ten_quiet_minutes_forgive() {
    type Forgive = fn(&mut NamePenalties) -> Duration;
    let ways: [Forgive; 3] = [
        |penalties| {
            penalties.forgive(address("192.0.2.1"), NAME);
            Duration::ZERO
        },
        |penalties| {
            penalties.unlock(NAME);
            Duration::ZERO
        },
        |_| SECOND * 15 + FAILED_NAME_KEPT,
    ];
    for forgive in ways {
        let mut penalties = penalties();
        for _ in 0..6 {
            fail(&mut penalties, "192.0.2.1", START);
        }
        let now = START + forgive(&mut penalties);
        assert_eq!(penalties.refused_for(address("192.0.2.1"), NAME, now), None);
        for _ in 0..5 {
            assert_eq!(fail(&mut penalties, "192.0.2.1", now), None);
        }
        assert_eq!(fail(&mut penalties, "192.0.2.1", now), Some(15));
    }
}

#[test]
fn loopback_is_excepted() {
    let mut penalties = penalties();
    for _ in 0..20 {
        assert_eq!(fail(&mut penalties, "127.0.0.1", START), None);
    }
    assert!(penalties.records.is_empty());
}

#[test]
fn memory_is_bounded_and_who_is_penalised_goes_last() {
    let mut penalties = penalties();
    penalties.records = Remembered::at_most(100);
    for _ in 0..6 {
        fail(&mut penalties, "198.51.100.1", START);
    }
    for n in 0..200 {
        let from = std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).into();
        penalties.fail(from, NAME, START + SECOND);
        assert!(penalties.records.records().len() <= 100);
    }
    assert!(
        penalties
            .refused_for(address("198.51.100.1"), NAME, START)
            .is_some()
    );
    fail(&mut penalties, "198.51.100.2", START + SECOND * 700);
    assert_eq!(
        penalties.records.records().len(),
        1,
        "who is forgotten takes no room"
    );
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn agrees_with_the_rule_of_one_name_as_it_is_written() {
    let mut penalised = 0;
    for seed in 0..100 {
        let mut state = seed;
        let mut penalties = penalties();
        let mut model = NamePenaltyModel::new(3, SECOND * 15, SECOND * 100);
        let waits = [3_000, 60_000, 900_000][usize::try_from(seed % 3).unwrap()];
        let mut now = START;
        for step in 0..400 {
            now += Duration::from_millis(next(&mut state) % waits);
            let from = IpAddr::from([192, 0, 2, u8::try_from(next(&mut state) % 2).unwrap()]);
            let name = ["cam", "uav"][usize::try_from(next(&mut state) % 2).unwrap()];
            let network = ClientNetwork::of(from);
            let left = penalties.refused_for(from, name, now);
            assert_eq!(
                left,
                model.left(network, name, now),
                "seed {seed}, step {step}"
            );
            if next(&mut state).is_multiple_of(20) {
                model.right(network, name);
                penalties.forgive(from, name);
                continue;
            }
            if next(&mut state).is_multiple_of(100) {
                model.unlock(name);
                penalties.unlock(name);
                continue;
            }
            model.wrong(network, name, now);
            let begun = penalties.fail(from, name, now);
            let last = model.penalties(network, name).last().copied();
            let expected = last.filter(|(began, _)| *began == now && left.is_none());
            let expected = expected.map(|(began, end)| end - began);
            assert_eq!(
                begun.map(|penalty| penalty.time),
                expected,
                "seed {seed}, step {step}"
            );
            penalised += usize::from(begun.is_some());
        }
    }
    assert!(penalised > 500, "{penalised} penalties");
}
