use fleetlink_core::{Effect, Input, SessionId};
use fleetlink_proto::control::{EndReason, ErrorCode, Join, ListDevices, Reply, Request};

use crate::fixture::{Fixture, coded};

fn others(f: &mut Fixture, session: u64) -> Vec<String> {
    let id = f.call(session, Request::ListDevices(ListDevices::default()));
    match f.answer(&id).unwrap().unwrap() {
        Reply::Devices(page) => page.devices.iter().map(|d| d.name.to_string()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_newest_join_takes_over_and_a_late_farewell_changes_nothing() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.joined(2, "uav");
    f.joined(3, "cam");
    assert_eq!(f.end_of(1), Some(EndReason::Replaced));
    assert_eq!(f.active(), ["uav", "cam"]);

    f.effects.clear();
    f.call(1, Request::Leave);
    let session = SessionId(1);
    f.input(Input::Alive { session });
    f.input(Input::Disconnected { session });
    assert_eq!(f.active(), ["uav", "cam"]);
    assert!(f.effects.is_empty(), "{:?}", f.effects);
}

#[test]
fn a_device_that_slept_through_its_replacement_takes_nothing_back() {
    let mut f = Fixture::new();
    let slept = f.joined(1, "cam");
    let session = SessionId(1);
    f.input(Input::Disconnected { session });
    let newer = f.joined(2, "cam");
    f.attached(3, "cam");
    let rejoin = |generation| {
        Request::Join(Join {
            udp_port: 5000,
            rejoin: Some(generation),
            ..Join::default()
        })
    };
    let error = f.refused(3, rejoin(slept));
    let taken_over =
        "the same name joined from elsewhere: from 192.0.2.1, with the device's password";
    assert_eq!(coded(&error), (ErrorCode::Replaced, taken_over));
    assert_eq!(f.end_of(2), None);
    let id = f.call(3, rejoin(newer));
    f.answer(&id).unwrap().unwrap();
    assert_eq!(f.end_of(2), Some(EndReason::Replaced));
}

#[test]
fn the_list_names_the_others_in_the_order_of_their_joins() {
    let mut f = Fixture::new();
    f.joined(1, "watch");
    f.joined(2, "cam");
    f.joined(3, "uav");
    assert_eq!(others(&mut f, 2), ["watch", "uav"]);
    f.attached(4, "cam");
    assert_eq!(
        others(&mut f, 4),
        ["watch", "uav"],
        "attached sessions may ask too"
    );
    assert_eq!(f.active(), ["watch", "cam", "uav"], "and are not listed");
}

#[test]
fn goodbye_is_answered_before_the_session_closes() {
    let mut f = Fixture::new();
    f.joined(1, "watch");
    f.effects.clear();
    f.call(1, Request::Leave);
    assert_eq!(f.active(), [""; 0]);
    assert!(matches!(
        &f.effects[..],
        [
            Effect::Reply {
                result: Ok(Reply::Done(_)),
                ..
            },
            Effect::ActiveChanged,
            Effect::Console(_),
            Effect::Close { .. },
        ]
    ));
    assert_eq!(f.shown(), ["watch exited the edge network"]);
}

#[test]
fn a_closed_connection_leaves_at_once() {
    let mut f = Fixture::new();
    f.joined(1, "watch");
    f.effects.clear();
    let session = SessionId(1);
    f.input(Input::Disconnected { session });
    assert_eq!(f.active(), [""; 0]);
    let line = "watch left the edge network: its connection closed";
    assert_eq!(f.shown(), [line]);
}
