use super::*;
use fleetlink_testkit::PenaltyModel;

const START: Duration = Duration::from_secs(1000);
const SECOND: Duration = Duration::from_secs(1);

const SETTINGS: PenaltySettings = PenaltySettings {
    names: 3,
    base: Duration::from_secs(15),
    max: Duration::from_secs(100),
    loopback: false,
};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn seconds(time: Option<Duration>) -> Option<u64> {
    time.map(|time| time.as_secs())
}

/// Fails on these names at one time; the length of the penalty that begins by the last.
fn fail(penalties: &mut Penalties, from: &str, names: &[&str], now: Duration) -> Option<u64> {
    let mut begun = None;
    for name in names {
        assert_eq!(begun, None, "before {name}");
        begun = penalties.fail(address(from), name, now);
    }
    seconds(begun.map(|penalty| penalty.time))
}

#[test]
fn failures_of_many_names_are_penalised_and_of_few_are_not() {
    let mut penalties = Penalties::new(Some(SETTINGS));
    let from = "192.0.2.1";
    for _ in 0..100 {
        assert_eq!(fail(&mut penalties, from, &["a", "b"], START), None);
    }
    assert_eq!(penalties.refused_for(address(from), START), None);
    assert_eq!(fail(&mut penalties, from, &["c"], START), Some(15));
    let at = |seconds| START + SECOND * seconds;
    for (now, left) in [(0, Some(15)), (1, Some(14)), (14, Some(1)), (15, None)] {
        let refused = penalties.refused_for(address(from), at(now));
        assert_eq!(seconds(refused), left, "after {now} s");
    }
    assert_eq!(penalties.refused_for(address("192.0.2.2"), START), None);
}

#[test]
fn each_further_name_doubles_the_penalty_up_to_the_longest() {
    let mut penalties = Penalties::new(Some(SETTINGS));
    let (from, mut now) = ("192.0.2.1", START);
    fail(&mut penalties, from, &["a", "b"], now);
    for (name, time) in [("c", 15), ("d", 30), ("e", 60), ("f", 100), ("g", 100)] {
        assert_eq!(fail(&mut penalties, from, &[name], now), Some(time));
        now += SECOND * u32::try_from(time).unwrap();
        let again = fail(&mut penalties, from, &[name], now);
        assert_eq!(again, None, "{name} a second time is not another name");
    }
}

#[test]
fn what_was_under_way_when_a_penalty_began_changes_nothing() {
    let mut penalties = Penalties::new(Some(SETTINGS));
    let from = "192.0.2.1";
    assert_eq!(
        fail(&mut penalties, from, &["a", "b", "c"], START),
        Some(15)
    );
    assert_eq!(fail(&mut penalties, from, &["d", "e", "f"], START), None);
    assert_eq!(
        seconds(penalties.refused_for(address(from), START)),
        Some(15)
    );
    let after = START + SETTINGS.base;
    assert_eq!(fail(&mut penalties, from, &["d"], after), Some(30));
}

#[test]
fn quiet_halves_what_the_next_penalty_grows_from() {
    let ended = START + SECOND * (15 + 30 + 60 + 100);
    // 600 s are one halving; as many names are forgotten by then.
    for (quiet, next) in [
        (0, 100),
        (599, 100),
        (600, 100),
        (1200, 50),
        (1800, 25),
        (2400, 15),
    ] {
        let mut penalties = Penalties::new(Some(SETTINGS));
        let (from, mut now) = ("192.0.2.1", START);
        fail(&mut penalties, from, &["a", "b"], now);
        for name in ["c", "d", "e", "f"] {
            let time = fail(&mut penalties, from, &[name], now).expect("a penalty");
            now += SECOND * u32::try_from(time).unwrap();
        }
        assert_eq!(now, ended);
        now += SECOND * quiet;
        if quiet >= 600 {
            assert_eq!(fail(&mut penalties, from, &["x", "y"], now), None);
        }
        let time = fail(&mut penalties, from, &["z"], now);
        assert_eq!(time, Some(next), "after {quiet} s");
    }
}

#[test]
fn names_are_forgotten_after_ten_minutes() {
    let mut penalties = Penalties::new(Some(SETTINGS));
    let from = "192.0.2.1";
    assert_eq!(fail(&mut penalties, from, &["a"], START), None);
    let later = START + SECOND * 300;
    assert_eq!(fail(&mut penalties, from, &["b"], later), None);
    let after = START + FAILED_NAME_KEPT;
    assert_eq!(
        fail(&mut penalties, from, &["c"], after),
        None,
        "of a is nothing left"
    );
    assert_eq!(fail(&mut penalties, from, &["d"], after), Some(15));
}

/// A room full of people behind one address, each of whom mistypes once and then does not.
#[test]
fn a_right_password_forgives_the_wrong_ones_of_its_name() {
    let mut penalties = Penalties::new(Some(SETTINGS));
    let room = address("192.0.2.1");
    for n in 0..50 {
        let name = n.to_string();
        assert_eq!(penalties.fail(room, &name, START), None, "{name}");
        penalties.forgive(room, &name);
    }
    assert!(penalties.networks.records().is_empty());
    let stranger = address("192.0.2.2");
    penalties.fail(room, "a", START);
    penalties.forgive(stranger, "a");
    assert_eq!(
        penalties.networks.records().len(),
        1,
        "only where it came from"
    );
}

#[test]
fn forgiving_ends_no_penalty() {
    let mut penalties = Penalties::new(Some(SETTINGS));
    let from = "192.0.2.1";
    fail(&mut penalties, from, &["a", "b", "c"], START);
    for name in ["a", "b", "c"] {
        penalties.forgive(address(from), name);
    }
    assert!(penalties.refused_for(address(from), START).is_some());
    let after = START + SETTINGS.base;
    assert_eq!(
        fail(&mut penalties, from, &["d", "e", "f"], after),
        Some(30)
    );
}

#[test]
fn a_source_is_an_ipv4_address_or_a_customer_of_ipv6() {
    for (one, other, same) in [
        ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("192.0.2.1", "192.0.2.2", false),
        ("2001:db8:0:ff::1", "2001:db8:0:1:2:3:4:5", true),
        ("2001:db8:0:100::1", "2001:db8:0:200::1", false),
    ] {
        let mut penalties = Penalties::new(Some(SETTINGS));
        fail(&mut penalties, one, &["a", "b", "c"], START);
        let refused = penalties.refused_for(address(other), START).is_some();
        assert_eq!(refused, same, "{one} and {other}");
    }
}

#[test]
fn loopback_is_penalised_only_where_that_is_set() {
    for from in ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"] {
        let names = ["a", "b", "c"];
        let mut penalties = Penalties::new(Some(SETTINGS));
        assert_eq!(fail(&mut penalties, from, &names, START), None);
        assert_eq!(penalties.refused_for(address(from), START), None);
        let loopback = PenaltySettings {
            loopback: true,
            ..SETTINGS
        };
        let mut penalties = Penalties::new(Some(loopback));
        assert_eq!(fail(&mut penalties, from, &names, START), Some(15));
        assert!(penalties.refused_for(address(from), START).is_some());
    }
}

#[test]
fn without_settings_there_are_no_penalties() {
    let mut penalties = Penalties::new(None);
    let names = ["a", "b", "c", "d", "e", "f"];
    assert_eq!(fail(&mut penalties, "192.0.2.1", &names, START), None);
    assert!(penalties.networks.is_empty());
}

#[test]
fn memory_is_bounded_and_the_penalised_go_last() {
    let mut penalties = Penalties::new(Some(SETTINGS));
    fail(&mut penalties, "198.51.100.1", &["a", "b", "c"], START);
    fail(&mut penalties, "198.51.100.2", &["a"], START);
    for n in 0..u32::try_from(MAX_FAILING_NETWORKS).unwrap() {
        let from = std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).into();
        penalties.fail(from, "a", START + SECOND);
        assert!(penalties.networks.records().len() <= MAX_FAILING_NETWORKS);
        penalties.networks.records();
    }
    let has = |text| {
        penalties
            .networks
            .contains(ClientNetwork::of(address(text)))
    };
    assert!(has("198.51.100.1"), "is penalised");
    assert!(!has("198.51.100.2"), "was the first");
    assert!(!has("10.0.0.0"), "was the next");
    assert!(has("10.0.0.1"));
    let much_later = START + FAILED_NAME_KEPT * 40;
    penalties.fail(address("198.51.100.3"), "a", much_later);
    assert_eq!(
        penalties.networks.records().len(),
        1,
        "who is forgotten takes no room"
    );
}

#[test]
fn a_record_holds_no_more_names_than_a_penalty_takes() {
    let many = PenaltySettings {
        names: usize::MAX,
        ..SETTINGS
    };
    let mut penalties = Penalties::new(Some(many));
    let mut now = START;
    for n in 0..1000 {
        let from = address("192.0.2.1");
        if let Some(penalty) = penalties.fail(from, &n.to_string(), now) {
            now += penalty.time;
        }
        let record = penalties.networks.get(ClientNetwork::of(from)).unwrap();
        assert!(record.names.len() <= MAX_PENALTY_NAMES);
    }
    assert_eq!(
        penalties.networks.records().first().unwrap().last,
        SETTINGS.max
    );
}

#[test]
fn settings_without_sense_do_no_harm() {
    for (names, base, max) in [
        (0, 0, 0),
        (1, 60, 15),
        (2, u64::MAX, u64::MAX),
        (1, 0, u64::MAX),
    ] {
        let settings = PenaltySettings {
            names,
            base: Duration::from_secs(base),
            max: Duration::from_secs(max),
            loopback: false,
        };
        let mut penalties = Penalties::new(Some(settings));
        for n in 0..200u32 {
            let now = START + SECOND * n;
            penalties.fail(address("192.0.2.1"), &n.to_string(), now);
            penalties.refused_for(address("192.0.2.1"), now);
        }
    }
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn pick<T: Copy, const N: usize>(state: &mut u64, of: [T; N]) -> T {
    of[usize::try_from(next(state) % N as u64).unwrap()]
}

/// Client networks that fail, are right and wait for minutes or moments, against the rule played anew.
#[test]
fn agrees_with_the_rule_as_it_is_written() {
    let mut penalised = 0;
    for seed in 0..100 {
        let mut state = seed;
        let settings = PenaltySettings {
            names: pick(&mut state, [2, 3, 5, 10]),
            base: SECOND * pick(&mut state, [1, 15, 40]),
            max: SECOND * pick(&mut state, [40, 600, 3600]),
            loopback: false,
        };
        let names = pick(&mut state, [3, 12, 40]);
        let waits = pick(&mut state, [3, 60, 900]);
        let mut model = PenaltyModel::new(settings.names, settings.base, settings.max);
        let mut penalties = Penalties::new(Some(settings));
        let mut now = START;
        for step in 0..400 {
            now += Duration::from_millis(next(&mut state) % (waits * 1000));
            let address = IpAddr::from([192, 0, 2, pick(&mut state, [1, 2, 3])]);
            let network = ClientNetwork::of(address);
            let name = (next(&mut state) % names).to_string();
            let left = penalties.refused_for(address, now);
            assert_eq!(left, model.left(network, now), "seed {seed}, step {step}");
            // Checks that were under way end in a penalty too.
            if left.is_some() && !next(&mut state).is_multiple_of(10) {
                continue;
            }
            if next(&mut state).is_multiple_of(10) {
                model.right(network, &name, now);
                penalties.forgive(address, &name);
                continue;
            }
            let before = model.penalties(network);
            model.wrong(network, &name, now);
            let begun = penalties.fail(address, &name, now);
            let expected = (model.penalties(network) > before).then(|| model.left(network, now));
            let expected = expected.flatten().map(|time| Penalty { network, time });
            assert_eq!(begun, expected, "seed {seed}, step {step}");
            penalised += usize::from(begun.is_some());
            penalties.networks.records();
        }
    }
    assert!(penalised > 500, "{penalised} penalties");
}
