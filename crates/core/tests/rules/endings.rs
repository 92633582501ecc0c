//! Sessions, uploads and grants end together with the login that opened them.

use fleetlink_core::authorisation::Means;
use fleetlink_core::{
    AccountOrder, AdminReply, AdminRequest, Change, Delete, Possession, SessionChoice, SessionId,
    SessionStatus, StoreCall, StoreError, StoreReply,
};
use fleetlink_proto::control::limits::MAX_QUEUED_OPERATIONS;
use fleetlink_proto::control::{DeleteFile, EndReason, Join, Request};
use fleetlink_proto::{DataFile, IdempotencyKey};

use crate::fixture::{Fixture, hash, name, open};

fn passwd(text: &str) -> AdminRequest {
    AdminRequest::Change {
        name: name(text),
        order: AccountOrder::SetPassword(hash("another")),
    }
}

fn delete(key: u128) -> Request {
    Request::DeleteFile(DeleteFile {
        file: DataFile::numbered(1),
        key: IdempotencyKey::from_bits(key),
    })
}

#[test]
fn a_changed_password_ends_the_sessions_that_the_old_one_opened() {
    let mut f = Fixture::enrolled();
    f.greeted(2);
    f.key_login(2, "cam", 1, Possession::Proven).unwrap();
    f.joined(3, "cam");
    f.attached(4, "uav");
    f.operate(passwd("cam"));
    assert_eq!(f.end_of(1), None, "not before the commit");
    f.store_answers(Ok(StoreReply::Done));
    for session in [1, 3] {
        assert_eq!(f.end_of(session), Some(EndReason::PasswordChanged));
    }
    assert_eq!((f.end_of(2), f.end_of(4)), (None, None));
    assert_eq!(f.active(), [""; 0]);
    f.greeted(5);
    f.login(5, "cam", "right").unwrap_err();
    f.login(5, "cam", "another").unwrap();
}

/// Of a login that is under way: it rests on the old password too.
#[test]
fn a_check_of_the_old_password_lets_nobody_in() {
    let mut f = Fixture::new();
    f.greeted(1);
    let id = f.begin_login(1, "cam", "right");
    f.operate(passwd("cam"));
    f.store_answers(Ok(StoreReply::Done));
    f.finish_check();
    f.answer(&id).unwrap().unwrap_err();
}

#[test]
fn what_an_ended_session_has_queued_is_not_done() {
    let mut f = Fixture::new();
    f.attached(1, "cam");
    f.attached(2, "cam");
    let upload = f.open_upload(1, 7);
    // With the store; the rest waits behind it.
    f.call(1, delete(8));
    f.call(1, delete(9));
    f.staged(1, upload);
    f.call(2, delete(10));
    f.input(fleetlink_core::Input::Disconnected {
        session: SessionId(2),
    });
    f.operate(passwd("cam"));
    let first = f.store_answers(Err(StoreError::NotFound));
    assert!(
        matches!(first, StoreCall::Change(Change::Delete(Delete { key, .. })) if key.bits() == 8)
    );
    let next = f.store_answers(Ok(StoreReply::Done));
    assert!(
        matches!(next, StoreCall::Change(Change::SetPassword { .. })),
        "{next:?}"
    );
    assert_eq!(f.end_of(1), Some(EndReason::PasswordChanged));
    assert!(f.is_discarded(), "the upload that was to be committed");
    assert!(f.store_call().is_none());
}

#[test]
fn a_full_queue_keeps_nobody_from_taking_a_login_away() {
    let mut f = Fixture::new();
    f.attached(1, "cam");
    for key in 0..=MAX_QUEUED_OPERATIONS {
        f.call(1, delete(key as u128));
    }
    f.operate(passwd("cam"));
    assert_eq!(f.operator_answer(), None, "it is not refused");
    f.store_answers(Err(StoreError::NotFound));
    let next = f.store_answers(Ok(StoreReply::Done));
    assert!(
        matches!(next, StoreCall::Change(Change::SetPassword { .. })),
        "{next:?}"
    );
    assert_eq!(f.end_of(1), Some(EndReason::PasswordChanged));
    assert!(f.store_call().is_none());
}

#[test]
fn an_account_that_is_added_anew_has_no_sessions_from_before() {
    let mut f = Fixture::new();
    f.attached(1, "cam");
    f.operate(AdminRequest::Change {
        name: name("cam"),
        order: AccountOrder::Add(hash("another")),
    });
    // Where a removal had an unknown outcome, the store does not know it any more.
    f.store_answers(Ok(StoreReply::Done));
    assert_eq!(f.end_of(1), Some(EndReason::PasswordChanged));
}

fn sessions(f: &mut Fixture) -> Vec<SessionStatus> {
    f.operate(AdminRequest::ListSessions);
    match f.operator_answer() {
        Some(Ok(AdminReply::Sessions(sessions))) => sessions,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_operator_sees_every_session() {
    let mut f = Fixture::enrolled();
    f.greeted(2);
    f.key_login(2, "cam", 1, Possession::Proven).unwrap();
    f.call(
        2,
        Request::Join(Join {
            udp_port: 5000,
            rejoin: None,
            ..Join::default()
        }),
    );
    f.open_upload(2, 7);
    f.call(2, open(8));
    f.greeted_from(3, [198, 51, 100, 1]);
    f.now.monotonic += std::time::Duration::from_secs(3);
    let all = sessions(&mut f);
    let [owner, device, stranger] = &all[..] else {
        panic!("{all:?}");
    };
    assert_eq!(owner.means, Some(Means::Password));
    assert_eq!((owner.joined, owner.uploads), (false, 0));
    assert_eq!(device.device, Some(name("cam")));
    assert_eq!(device.means, Some(Means::Key));
    assert_eq!((device.joined, device.uploads), (true, 2));
    assert_eq!(device.idle.as_secs(), 3);
    assert_eq!(f.now.wall.unix_millis() - device.since.unix_millis(), 3000);
    assert_eq!((&stranger.device, stranger.means), (&None, None));
    assert_eq!(stranger.address.to_string(), "198.51.100.1");
}

#[test]
fn the_operator_ends_the_sessions_of_a_device_or_one() {
    let mut f = Fixture::new();
    for session in 1..=3 {
        f.attached(session, "cam");
    }
    f.attached(4, "uav");
    let end = |f: &mut Fixture, choice| {
        f.operate(AdminRequest::EndSessions(choice));
        f.operator_answer().unwrap()
    };
    let one = SessionChoice::Number(SessionId(2));
    assert_eq!(end(&mut f, one.clone()), Ok(AdminReply::Ended(1)));
    assert_eq!(f.end_of(2), Some(EndReason::EndedByOperator));
    assert_eq!(end(&mut f, one), Err("there is no session 2".to_owned()));
    let cam = SessionChoice::OfDevice(name("cam"));
    assert_eq!(end(&mut f, cam.clone()), Ok(AdminReply::Ended(2)));
    assert_eq!(end(&mut f, cam), Err("cam has no session".to_owned()));
    let unknown = end(&mut f, SessionChoice::OfDevice(name("ghost")));
    assert_eq!(unknown, Err("there is no account ghost".to_owned()));
    assert_eq!(sessions(&mut f).len(), 1, "of uav");
}
