//! Passwords that are shown without a session: they count like those of sessions.

use std::time::Duration;

use fleetlink_core::{AccountOrder, AdminRequest, Caller, Door, Effect, Input, Proof, StoreReply};
use fleetlink_proto::control::limits::{
    LOCK_OUT_TIME, MAX_WAITING_LOGINS_PER_NAME, MAX_WAITING_PASSWORD_CHECKS,
};
use fleetlink_proto::control::{ErrorCode, ListFiles, Request, RpcError};
use fleetlink_proto::{DeviceName, MAX_PASSWORD_BYTES};

use crate::fixture::{Fixture, hash, name, retry_after};

const FROM: [u8; 4] = [192, 0, 2, 1];
const OTHER: [u8; 4] = [192, 0, 2, 2];

fn caller(device: &DeviceName) -> Caller {
    Caller::Device {
        name: device.clone(),
        proof: Proof::Password(hash("right")),
        address: Some([192, 0, 2, 1].into()),
    }
}

impl Fixture {
    /// Shows a password and has it checked.
    fn shows(
        &mut self,
        address: [u8; 4],
        device: &str,
        password: &str,
    ) -> Result<Caller, RpcError> {
        let call = self.show(address, device, password);
        assert_eq!(self.identified(call), None, "not before the check");
        self.finish_check();
        self.identified(call).expect("a reply")
    }

    /// Shows the right password to a hub that is busy.
    fn shows_busy(&mut self) -> ErrorCode {
        let call = self.show(OTHER, "uav", "right");
        let reply = self.identified(call).expect("a reply at once");
        reply.unwrap_err().code
    }

    /// Shows the right password, which nobody looks at.
    fn shows_in_vain(&mut self, address: [u8; 4], device: &str) -> RpcError {
        let call = self.show(address, device, "right");
        assert!(self.check().is_none(), "no password is checked");
        self.identified(call).expect("a reply at once").unwrap_err()
    }
}

#[test]
fn the_right_password_tells_the_device_by_the_name_of_its_account() {
    let mut f = Fixture::new();
    let found = f.shows(FROM, "cam", "right").unwrap();
    assert_eq!(found, caller(&name("cam")));
    let call = f.call_by(Door::Http, found, Request::ListFiles(ListFiles::default()));
    assert!(f.store_call().is_some(), "it may list its data files");
    assert_eq!(f.stateless_reply(call), None);
    let lines = f.shown();
    assert!(
        lines.iter().all(|line| !line.contains("logged in")),
        "{lines:?}"
    );
}

#[test]
fn a_wrong_password_an_unknown_name_and_an_impossible_one_cost_a_check_and_read_alike() {
    let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
    let mut errors = Vec::new();
    for (device, password) in [
        ("cam", "wrong"),
        ("nobody", "right"),
        ("a b\u{1b}", "right"),
        ("cam", &*long),
    ] {
        let mut f = Fixture::new();
        errors.push(f.shows(FROM, device, password).unwrap_err());
        let lines = f.shown();
        let line = lines
            .iter()
            .any(|line| line.contains("from 192.0.2.1 failed"));
        assert!(line, "{lines:?}");
    }
    assert_eq!(errors[0].code, ErrorCode::WrongPassword);
    assert!(errors.iter().all(|error| *error == errors[0]), "{errors:?}");
}

#[test]
fn wrong_passwords_with_and_without_a_session_count_together() {
    let mut f = Fixture::new();
    f.greeted(1);
    f.login(1, "cam", "wrong").unwrap_err();
    let error = f.shows(OTHER, "cam", "wrong").unwrap_err();
    assert_eq!(error.code, ErrorCode::NowBlocked);
    f.pass(Duration::from_secs(4));
    let error = f.shows_in_vain(OTHER, "cam");
    assert_eq!(
        (error.code, retry_after(&error)),
        (ErrorCode::Blocked, Some(6_000))
    );
    f.pass(LOCK_OUT_TIME - Duration::from_secs(4));
    f.shows(FROM, "cam", "wrong").unwrap_err();
    f.shows(FROM, "cam", "right").unwrap();
    f.shows(FROM, "cam", "wrong").unwrap_err();
    f.login(1, "cam", "right").unwrap();
}

#[test]
fn a_network_that_fails_on_many_names_is_penalised_by_every_door() {
    let mut f = Fixture::new();
    for device in ["cam", "nobody", "third"] {
        f.shows(FROM, device, "wrong").unwrap_err();
    }
    assert_eq!(f.shows_in_vain(FROM, "watch").code, ErrorCode::Penalised);
    f.greeted(1);
    let id = f.begin_login(1, "watch", "right");
    assert_eq!(
        f.answer(&id).unwrap().unwrap_err().code,
        ErrorCode::Penalised
    );
    f.shows(OTHER, "watch", "right").unwrap();
}

#[test]
fn parallel_guesses_wait_and_are_all_refused_once_the_name_is_locked_out() {
    let mut f = Fixture::new();
    let guesses: Vec<_> = (0..10).map(|_| f.show(FROM, "cam", "wrong")).collect();
    f.finish_check();
    f.finish_check();
    assert!(f.check().is_none(), "two attempts and no more");
    let codes: Vec<_> = guesses
        .iter()
        .map(|call| f.identified(*call).expect("a reply").unwrap_err().code)
        .collect();
    assert_eq!(codes[0], ErrorCode::WrongPassword);
    assert_eq!(codes[1], ErrorCode::NowBlocked);
    assert!(
        codes[2..].iter().all(|code| *code == ErrorCode::Blocked),
        "{codes:?}"
    );
}

#[test]
fn too_many_that_wait_for_a_name_are_told_to_come_back() {
    let mut f = Fixture::new();
    for _ in 0..2 + MAX_WAITING_LOGINS_PER_NAME {
        f.show(FROM, "cam", "wrong");
    }
    let call = f.show(FROM, "cam", "right");
    let error = f.identified(call).expect("a reply at once").unwrap_err();
    assert_eq!(error.code, ErrorCode::Busy);
    f.show(FROM, "uav", "right");
    assert_eq!(
        f.effects
            .iter()
            .filter(|e| matches!(e, Effect::CheckPassword { .. }))
            .count(),
        3
    );
}

#[test]
fn too_many_checks_of_all_names_are_told_to_come_back() {
    let mut f = Fixture::new();
    for number in 0..MAX_WAITING_PASSWORD_CHECKS {
        f.show(FROM, &format!("device-{number}"), "wrong");
    }
    assert_eq!(f.shows_busy(), ErrorCode::Busy);
    f.finish_check();
    let call = f.show(OTHER, "uav", "right");
    assert_eq!(f.identified(call), None, "there is room for one check");
}

#[test]
fn a_name_that_waits_for_an_import_is_settled_before_its_password_is_checked() {
    let mut f = Fixture::new();
    f.input(Input::Importing { under_way: true });
    let call = f.show(FROM, "new", "right");
    assert!(f.check().is_none(), "the import comes first");
    let check = f.take(|effect| match effect {
        Effect::SettleLogin { check, name } => {
            assert_eq!(&**name, "new");
            Some(*check)
        }
        _ => None,
    });
    f.operate(AdminRequest::Change {
        name: name("new"),
        order: AccountOrder::Add(hash("right")),
    });
    f.store_answers(Ok(StoreReply::Done));
    f.input(Input::LoginSettled {
        check: check.expect("a name to settle"),
    });
    f.finish_check();
    assert_eq!(f.identified(call), Some(Ok(caller(&name("new")))));
}

#[test]
fn a_password_that_is_changed_during_its_check_is_wrong() {
    let mut f = Fixture::new();
    let call = f.show(FROM, "cam", "right");
    f.operate(AdminRequest::Change {
        name: name("cam"),
        order: AccountOrder::SetPassword(hash("another")),
    });
    f.store_answers(Ok(StoreReply::Done));
    f.finish_check();
    let error = f.identified(call).expect("a reply").unwrap_err();
    assert_eq!(error.code, ErrorCode::WrongPassword);
}

#[test]
fn at_the_end_what_waits_is_refused_and_what_is_checked_is_waited_for() {
    let mut f = Fixture::new();
    let [first, _second] = [1, 2].map(|_| f.show(FROM, "cam", "right"));
    let waiting = f.show(FROM, "cam", "right");
    f.input(Input::Close);
    let error = f.identified(waiting).expect("a reply at once").unwrap_err();
    assert_eq!(error.code, ErrorCode::Busy);
    assert_eq!(f.shows_busy(), ErrorCode::Busy);
    assert!(!f.hub.is_drained(), "two checks are under way");
    f.finish_check();
    assert_eq!(f.identified(first), Some(Ok(caller(&name("cam")))));
    f.finish_check();
    assert!(f.hub.is_drained());
}

#[test]
fn a_session_or_the_socket_is_no_door_for_this() {
    for door in [Door::Session, Door::Socket] {
        let mut f = Fixture::new();
        let call = f.show_by(door, FROM, "cam", "right");
        assert!(f.check().is_none());
        let error = f.identified(call).expect("a reply at once").unwrap_err();
        assert_eq!(error.code, ErrorCode::NotAllowed, "{door:?}");
    }
    let mut f = Fixture::new();
    let call = f.show_by(Door::Mqtt, FROM, "cam", "right");
    f.finish_check();
    assert!(f.identified(call).expect("a reply").is_ok());
}
