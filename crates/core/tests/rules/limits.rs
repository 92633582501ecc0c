//! The shares of a device and of a source, and whose silence a wait for the hub is.

use std::time::Duration;

use fleetlink_core::{Capacity, Input, SessionId, StoreError};
use fleetlink_proto::control::{EndReason, ErrorCode, ListFiles, Request};

use crate::fixture::Fixture;

fn with(capacity: Capacity) -> Fixture {
    Fixture::with_capacity(capacity)
}

fn small() -> Capacity {
    Capacity {
        sessions: 8,
        sessions_per_device: 2,
        sessions_per_source: 3,
        ..Capacity::default()
    }
}

#[test]
fn a_device_has_a_bound_which_the_refusal_names_and_who_goes_makes_room() {
    let mut f = with(small());
    f.attached_from(1, "cam", [192, 0, 2, 1]);
    f.attached_from(2, "cam", [192, 0, 2, 2]);
    f.greeted_from(3, [192, 0, 2, 3]);
    let error = f.login(3, "cam", "right").unwrap_err();
    assert_eq!(error.code, ErrorCode::Busy);
    assert!(error.message.contains("cam has 2 sessions open"), "{error}");
    f.login(3, "uav", "right").unwrap();
    f.greeted_from(4, [192, 0, 2, 4]);
    f.login(4, "cam", "wrong").unwrap_err();
    f.input(Input::Disconnected {
        session: SessionId(1),
    });
    f.login(4, "cam", "right").unwrap();
}

#[test]
fn a_source_has_a_bound_which_the_end_names_and_others_still_come() {
    let mut f = with(small());
    for (session, name) in [(1, "cam"), (2, "uav"), (3, "watch")] {
        f.attached_from(session, name, [192, 0, 2, 1]);
    }
    f.connect_from(4, [192, 0, 2, 1]);
    let (reason, message) = f.end_with_message(4).unwrap();
    assert_eq!(reason, EndReason::Busy);
    assert!(message.contains("3 connections"), "{message}");
    f.connect_from(5, [192, 0, 2, 2]);
    assert_eq!(f.end_of(5), None);
    f.input(Input::Disconnected {
        session: SessionId(2),
    });
    f.connect_from(6, [192, 0, 2, 1]);
    assert_eq!(f.end_of(6), None);
}

#[test]
fn a_full_hub_says_so() {
    let mut f = with(small());
    for session in 1..=8 {
        f.connect_from(session, [192, 0, 2, u8::try_from(session).unwrap()]);
    }
    f.connect_from(9, [192, 0, 2, 9]);
    let (reason, message) = f.end_with_message(9).unwrap();
    assert_eq!(reason, EndReason::Busy);
    assert!(message.contains("8 connections"), "{message}");
}

#[test]
fn who_waits_for_the_disk_or_a_password_check_is_not_silent() {
    let mut f = Fixture::new();
    f.attached(1, "cam");
    let id = f.call(1, Request::ListFiles(ListFiles::default()));
    f.greeted(2);
    let login = f.begin_login(2, "uav", "right");
    f.pass(Duration::from_secs(100));
    assert_eq!((f.end_of(1), f.end_of(2)), (None, None), "the hub's turn");
    f.store_answers(Err(StoreError::Full));
    f.answer(&id).unwrap().unwrap_err();
    f.finish_check();
    f.answer(&login).unwrap().unwrap();
    f.pass(Duration::from_secs(14));
    assert_eq!(f.end_of(1), None, "a whole silence from the answer on");
    f.pass(Duration::from_secs(1));
    assert_eq!(f.end_of(1), Some(EndReason::Silent));
    assert_eq!(f.end_of(2), Some(EndReason::Silent));
}

#[test]
fn a_hub_that_stood_still_takes_nobody_for_silent() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.hub.stood_still(Duration::from_secs(60));
    f.pass(Duration::from_secs(74));
    assert_eq!(f.end_of(1), None);
    f.pass(Duration::from_secs(1));
    assert_eq!(f.end_of(1), Some(EndReason::Silent));
}
