use std::time::Duration;

use fleetlink_core::{AccountOrder, AdminRequest, Input, SessionId};
use fleetlink_proto::control::limits::MAX_WAITING_LOGINS_PER_NAME;
use fleetlink_proto::control::{ErrorCode, Login, Reply, Request};

use crate::fixture::{Fixture, coded, hash, name, retry_after};

const WRONG: &str = "Invalid Password. Please try again";
const NOW_LOCKED_OUT: &str =
    "Invalid Password. Your account has been blocked. Please try again later";
const LOCKED_OUT: &str =
    "Your account is blocked due to multiple authentication failures. Please try again later";

fn login(name: &str) -> Request {
    Request::Login(Login::by_password(name, "right"))
}

/// Known, unknown and impossible names get the same words at the same time.
#[test]
fn an_unknown_name_behaves_as_a_wrong_password_does() {
    for name in ["cam", "nobody", "a b\u{1b}", "", &"x".repeat(5000)] {
        let mut f = Fixture::new();
        f.greeted(1);
        let first = f.login(1, name, "wrong").unwrap_err();
        assert_eq!(coded(&first), (ErrorCode::WrongPassword, WRONG));
        let second = f.login(1, name, "wrong").unwrap_err();
        assert_eq!(coded(&second), (ErrorCode::NowBlocked, NOW_LOCKED_OUT));
        assert_eq!(retry_after(&second), Some(10_000));

        f.pass(Duration::from_secs(3));
        let third = f.refused(1, login(name));
        assert_eq!(coded(&third), (ErrorCode::Blocked, LOCKED_OUT));
        assert_eq!(retry_after(&third), Some(7_000));
        assert!(f.check().is_none(), "no password is checked");
    }
}

#[test]
fn after_ten_seconds_the_right_password_joins_again() {
    let mut f = Fixture::new();
    f.greeted(1);
    f.login(1, "cam", "wrong").unwrap_err();
    f.login(1, "cam", "wrong").unwrap_err();
    f.pass(Duration::from_secs(10));
    assert!(matches!(f.login(1, "cam", "right"), Ok(Reply::Login(_))));
}

#[test]
fn parallel_guesses_wait_and_a_lock_out_refuses_them_all() {
    let mut f = Fixture::new();
    for session in 1..=4 {
        f.greeted(session);
    }
    let calls: Vec<_> = (1..=4).map(|s| f.begin_login(s, "cam", "wrong")).collect();
    f.finish_check();
    f.finish_check();
    assert!(f.check().is_none(), "two attempts, two checks");
    let codes: Vec<_> = calls
        .iter()
        .map(|id| f.answer(id).unwrap().unwrap_err().code)
        .collect();
    let expected = [
        ErrorCode::WrongPassword,
        ErrorCode::NowBlocked,
        ErrorCode::Blocked,
        ErrorCode::Blocked,
    ];
    assert_eq!(codes, expected);
}

#[test]
fn a_success_lets_the_next_be_checked() {
    let mut f = Fixture::new();
    for session in 1..=3 {
        f.greeted(session);
        f.begin_login(session, "cam", "right");
    }
    f.finish_check();
    f.finish_check();
    f.finish_check();
}

#[test]
fn too_many_waiting_logins_are_told_to_come_back() {
    let mut f = Fixture::new();
    let waiting = 2 + MAX_WAITING_LOGINS_PER_NAME as u64;
    for session in 1..=waiting + 1 {
        // Of loopback there is no bound.
        f.connect_from(session, [127, 0, 0, 1]);
        f.hello(session, &[1]).unwrap();
    }
    for session in 1..=waiting {
        let id = f.begin_login(session, "cam", "right");
        assert!(f.answer(&id).is_none());
    }
    assert_eq!(f.refused(waiting + 1, login("cam")).code, ErrorCode::Busy);
}

#[test]
fn the_guess_of_a_session_that_is_gone_counts() {
    let mut f = Fixture::new();
    f.greeted(1);
    f.begin_login(1, "cam", "wrong");
    f.input(Input::Disconnected {
        session: SessionId(1),
    });
    f.finish_check();
    f.greeted(2);
    let error = f.login(2, "cam", "wrong").unwrap_err();
    assert_eq!(error.code, ErrorCode::NowBlocked);
}

#[test]
fn a_password_that_was_changed_meanwhile_is_wrong() {
    let mut f = Fixture::new();
    f.greeted(1);
    let id = f.begin_login(1, "cam", "right");
    f.operate(AdminRequest::Change {
        name: name("cam"),
        order: AccountOrder::SetPassword(hash("another")),
    });
    f.store_answers(Ok(fleetlink_core::StoreReply::Done));
    f.finish_check();
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::WrongPassword);
}

#[test]
fn a_password_that_no_account_can_have_costs_the_same_and_is_wrong() {
    let mut f = Fixture::new();
    f.greeted(1);
    let error = f.login(1, "cam", &"x".repeat(60_000)).unwrap_err();
    assert_eq!(coded(&error), (ErrorCode::WrongPassword, WRONG));
}

#[test]
fn a_failed_login_is_shown_escaped() {
    let mut f = Fixture::new();
    f.greeted(1);
    f.login(1, "x\ny", "wrong").unwrap_err();
    let expected = "login of x\\ny from 192.0.2.1 failed: unknown name or wrong password";
    assert_eq!(f.shown(), [expected]);
}
