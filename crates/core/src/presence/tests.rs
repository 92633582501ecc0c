use fleetlink_proto::control::limits::{MAX_LINE_BYTES, MAX_NUMBER};
use fleetlink_proto::control::{Reply, RequestId, encode_reply};
use fleetlink_proto::{DeviceKey, DeviceName, Generation, WallTime};

use super::holding::Joiner;
use super::list::{Arrival, Left, Presence, Refusal};
use crate::caller::Means;
use crate::ids::SessionId;

const NEVER: WallTime = WallTime::from_unix_millis(1_664_533_873_042);

fn name(text: &str) -> DeviceName {
    text.parse().unwrap()
}

/// A session of a device that has shown no key.
fn arrival(session: u64, device: &str, rejoin: Option<Generation>) -> Arrival {
    Arrival {
        session: SessionId(session),
        name: name(device),
        key: None,
        by: Joiner {
            // The longest address there is.
            address: "1111:2222:3333:4444:5555:6666:7777:8888".parse().unwrap(),
            means: Means::Password,
        },
        udp_port: u16::MAX,
        receives: false,
        rejoin,
        only_if_free: false,
        now: NEVER,
    }
}

/// A session that has shown this key and accepts peers at this port.
fn with_key(session: u64, key: u8, port: u16, rejoin: Option<Generation>) -> Arrival {
    Arrival {
        key: Some(DeviceKey::from_bytes([key; 32])),
        udp_port: port,
        ..arrival(session, "a", rejoin)
    }
}

fn receiving(arrival: Arrival) -> Arrival {
    Arrival {
        receives: true,
        ..arrival
    }
}

fn at(millis: i64) -> Presence {
    Presence::starting_at(WallTime::from_unix_millis(millis))
}

fn names(presence: &Presence) -> Vec<String> {
    presence.iter().map(|d| d.name.to_string()).collect()
}

fn ports(presence: &Presence) -> Vec<u16> {
    let name = name("a");
    let members = presence.sessions(&name);
    members.map(|member| member.udp_port).collect()
}

fn is_refused(presence: &mut Presence, arrival: Arrival) -> bool {
    matches!(presence.join(arrival), Err(Refusal::Replaced(_)))
}

#[test]
fn the_newest_join_takes_over_and_goes_to_the_end() {
    let mut presence = at(0);
    let first = presence.join(arrival(1, "a", None)).unwrap();
    presence.join(arrival(2, "b", None)).unwrap();
    let second = presence.join(arrival(3, "a", None)).unwrap();
    assert_eq!(second.displaced, [SessionId(1)]);
    assert_eq!(names(&presence), ["b", "a"]);
    let late = presence.leave(&name("a"), first.generation);
    assert_eq!(late, Left::Stale, "a late farewell changes nothing");
    assert!(presence.is_active(&name("a")));
    assert_eq!(presence.leave(&name("a"), second.generation), Left::Last);
    assert_eq!(names(&presence), ["b"]);
}

#[test]
fn who_comes_back_displaces_nobody_newer() {
    let mut presence = at(0);
    let mut join = |n, rejoin| presence.join(arrival(n, "a", rejoin));
    let slept = join(1, None).unwrap().generation;
    let newer = join(2, None).unwrap().generation;
    assert!(join(3, Some(slept)).is_err());
    join(4, Some(newer)).unwrap();
    let again = join(5, Some(newer)).expect("its answer was lost");
    assert_eq!(
        (again.given_up, again.displaced),
        (vec![SessionId(4)], vec![])
    );
    presence.leave(&name("a"), again.generation);
    let after = presence.join(arrival(7, "a", Some(slept)));
    assert!(after.is_err(), "also after the newer left");
    presence.forget(&name("a"));
    assert!(presence.holdings.is_empty());
}

#[test]
fn the_newer_of_two_that_come_back_to_a_new_run_stays() {
    let mut first = at(1000);
    let older = first.join(arrival(1, "a", None)).unwrap().generation;
    let newer = first.join(arrival(2, "a", None)).unwrap().generation;
    let mut second = at(2000);
    let mut join = |n, rejoin| second.join(arrival(n, "a", rejoin));
    let slept = join(3, Some(older)).unwrap().generation;
    let slept = join(4, Some(slept)).unwrap().generation;
    assert_eq!(join(5, Some(newer)).unwrap().displaced, [SessionId(4)]);
    assert!(join(6, Some(slept)).is_err());
    assert!(join(7, Some(older)).is_err());
    // A person's join is newer than all of them.
    join(8, None).unwrap();
    assert!(join(9, Some(newer)).is_err());
}

#[test]
fn sessions_of_one_key_share_a_presence_and_files_go_to_one_that_receives() {
    let mut presence = at(0);
    let shell = presence.join(with_key(1, 7, 10, None)).unwrap();
    presence.join(arrival(9, "b", None)).unwrap();
    let box_ = presence.join(receiving(with_key(2, 7, 20, None))).unwrap();
    assert_eq!((box_.others, box_.list_changed), (1, true));
    let third = presence.join(with_key(3, 7, 30, None)).unwrap();
    assert_eq!((third.others, third.list_changed), (2, false));
    assert_eq!(
        names(&presence),
        ["a", "b"],
        "its place is the first join's"
    );
    assert_eq!(ports(&presence), [20, 30, 10]);
    let left = presence.leave(&name("a"), box_.generation);
    assert_eq!(left, Left::OthersStay { list_changed: true });
    assert_eq!(ports(&presence), [30, 10]);
    let left = presence.leave(&name("a"), shell.generation);
    assert_eq!(
        left,
        Left::OthersStay {
            list_changed: false
        }
    );
    assert_eq!(presence.leave(&name("a"), third.generation), Left::Last);
}

#[test]
fn another_holder_ends_all_sessions_and_none_of_them_comes_back() {
    let mut presence = at(0);
    let shell = presence.join(with_key(1, 7, 10, None)).unwrap();
    let receiver = presence.join(with_key(2, 7, 20, None)).unwrap();
    for other in [arrival(3, "a", None), with_key(3, 8, 30, None)] {
        let polite = Arrival {
            only_if_free: true,
            ..other.clone()
        };
        let refused = presence.join(polite).unwrap_err();
        assert!(
            matches!(refused, Refusal::ActiveElsewhere(_)),
            "{refused:?}"
        );
    }
    let other = presence.join(arrival(3, "a", None)).unwrap();
    assert_eq!(other.displaced, [SessionId(1), SessionId(2)]);
    for ended in [shell.generation, receiver.generation] {
        let back = with_key(4, 7, 10, Some(ended));
        assert!(is_refused(&mut presence, back));
    }
    presence.leave(&name("a"), other.generation);
    // Who joins anew takes nothing from anybody, and brings none of the earlier ones back.
    presence.join(with_key(5, 7, 50, None)).unwrap();
    let back = with_key(6, 7, 10, Some(shell.generation));
    assert!(is_refused(&mut presence, back));
}

#[test]
fn a_session_that_comes_back_replaces_itself_and_no_other_of_its_device() {
    let mut presence = at(0);
    let shell = presence.join(with_key(1, 7, 10, None)).unwrap();
    let receiver = presence.join(with_key(2, 7, 20, None)).unwrap();
    let back = presence
        .join(with_key(3, 7, 11, Some(shell.generation)))
        .unwrap();
    assert_eq!((back.given_up, back.others), (vec![SessionId(1)], 1));
    // The answer was lost.
    let back = presence
        .join(with_key(4, 7, 12, Some(shell.generation)))
        .unwrap();
    assert_eq!((back.given_up, back.others), (vec![SessionId(3)], 1));
    let back = presence
        .join(with_key(5, 7, 21, Some(receiver.generation)))
        .unwrap();
    assert_eq!((back.given_up, back.others), (vec![SessionId(2)], 1));
    assert_eq!(ports(&presence), [21, 12]);
}

#[test]
fn both_sessions_of_a_device_come_back_to_a_new_run_in_either_order() {
    let mut first = at(1000);
    let older = first.join(with_key(1, 7, 10, None)).unwrap().generation;
    let newer = first.join(with_key(2, 7, 20, None)).unwrap().generation;
    for (one, other) in [(older, newer), (newer, older)] {
        let mut second = at(2000);
        second.join(with_key(3, 7, 10, Some(one))).unwrap();
        let back = second.join(with_key(4, 7, 20, Some(other))).unwrap();
        assert_eq!((back.others, back.displaced), (1, vec![]));
        // Somebody whom they had replaced then.
        let slept = arrival(5, "a", Some(Generation::at_most(older.get() - 1)));
        assert!(is_refused(&mut second, slept));
        // A shell that is started anew shares too, and who comes back later still.
        second.join(with_key(6, 7, 30, None)).unwrap();
        second.join(with_key(7, 7, 40, Some(older))).unwrap();
    }
}

#[test]
fn a_session_that_enrols_its_key_shares_with_those_that_log_in_by_it() {
    let mut presence = at(0);
    let shell = presence.join(arrival(1, "a", None)).unwrap();
    let key = DeviceKey::from_bytes([7; 32]);
    presence.key_shown(&name("a"), shell.generation, key);
    assert_eq!(presence.join(with_key(2, 7, 20, None)).unwrap().others, 1);
    assert_eq!(presence.join(with_key(3, 8, 20, None)).unwrap().others, 0);
}

#[test]
fn pages_leave_nobody_out_and_fit_a_line() {
    let mut presence = at(0);
    let own = name("n000");
    for n in 0..450 {
        let name = format!("n{n:03}{}", "x".repeat(if n == 0 { 0 } else { 60 }));
        presence.join(arrival(n, &name, None)).unwrap();
    }
    let (mut seen, mut after, mut pages) = (0, None, 0);
    loop {
        let page = presence.page(Some(&own), after);
        (seen, after, pages) = (seen + page.devices.len(), page.next, pages + 1);
        let id = RequestId::Text("\u{1}".repeat(64).into());
        let line = encode_reply(&id, &Reply::Devices(page));
        assert!(line.len() <= MAX_LINE_BYTES, "{}", line.len());
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen, pages), (449, 3));
}

/// Generations stay small whatever the wall clock says: a device reads them as JSON numbers.
#[test]
fn generations_stay_below_two_to_the_53rd() {
    let mut presence = at(i64::MAX);
    let joined = presence.join(arrival(1, "a", None)).unwrap();
    assert!(
        joined.generation.get() < MAX_NUMBER,
        "{}",
        joined.generation
    );
}
