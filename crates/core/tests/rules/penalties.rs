//! Sources that fail on many different names.

use std::time::Duration;

use fleetlink_core::{AdminRequest, Input, Possession, SessionId};
use fleetlink_proto::control::{ErrorCode, Login, Reply, Request, RpcError};

use crate::fixture::{Fixture, coded, retry_after};

const OTHER: [u8; 4] = [192, 0, 2, 2];
const PENALISED: &str = "Too many logins from this address have failed under different names. \
                         Passwords from it are refused for a while; please try again later";
const LINE: &str = "passwords from 192.0.2.1 are refused for 15 s: too many wrong ones under \
                    different names";

impl Fixture {
    /// A hub that has penalised the address of session 1 by these names' failures.
    fn penalised(names: [&str; 3]) -> Self {
        let mut f = Fixture::new();
        f.greeted(1);
        for name in names {
            let error = f.login(1, name, "wrong").unwrap_err();
            assert_eq!(error.code, ErrorCode::WrongPassword, "{name}");
        }
        f
    }

    fn refused_login(&mut self, session: u64, name: &str) -> RpcError {
        let login = Login::by_password(name, "right");
        let error = self.refused(session, Request::Login(login));
        assert!(self.check().is_none(), "no password is checked");
        error
    }
}

#[test]
fn a_source_that_fails_on_many_names_is_refused_known_names_or_not() {
    for names in [
        ["cam", "uav", "watch"],
        ["nobody", "", "a b\u{1b}"],
        ["cam", "nobody", "uav"],
    ] {
        let mut f = Fixture::penalised(names);
        f.pass(Duration::from_secs(5));
        for name in ["cam", "watch", "nobody", "another"] {
            let error = f.refused_login(1, name);
            assert_eq!(coded(&error), (ErrorCode::Penalised, PENALISED), "{name}");
            assert_eq!(retry_after(&error), Some(10_000));
        }
        f.greeted_from(2, OTHER);
        f.login(2, "watch", "right").unwrap();
        f.pass(Duration::from_secs(10));
        assert!(matches!(f.login(1, "cam", "right"), Ok(Reply::Login(_))));
    }
}

#[test]
fn a_refused_password_counts_no_attempt_of_its_name() {
    let mut f = Fixture::penalised(["nobody", "another", "third"]);
    for _ in 0..10 {
        f.refused_login(1, "cam");
    }
    f.greeted_from(2, OTHER);
    let first = f.login(2, "cam", "wrong").unwrap_err();
    assert_eq!(first.code, ErrorCode::WrongPassword, "the first attempt");
    f.login(2, "cam", "right").unwrap();
}

#[test]
fn a_penalised_network_is_not_told_of_lock_outs() {
    let mut f = Fixture::penalised(["nobody", "another", "third"]);
    f.greeted_from(2, OTHER);
    f.login(2, "cam", "wrong").unwrap_err();
    let error = f.login(2, "cam", "wrong").unwrap_err();
    assert_eq!(error.code, ErrorCode::NowBlocked);
    assert_eq!(f.refused_login(2, "cam").code, ErrorCode::Blocked);
    assert_eq!(f.refused_login(1, "cam").code, ErrorCode::Penalised);
}

#[test]
fn the_guesses_of_sessions_that_are_gone_count() {
    let mut f = Fixture::new();
    for (session, name) in [(1, "a"), (2, "b"), (3, "c")] {
        f.greeted(session);
        f.begin_login(session, name, "wrong");
        let session = SessionId(session);
        f.input(Input::Disconnected { session });
        f.finish_check();
    }
    f.greeted(4);
    assert_eq!(f.refused_login(4, "cam").code, ErrorCode::Penalised);
}

#[test]
fn logins_that_wait_for_their_turn_are_refused_as_well() {
    let mut f = Fixture::new();
    for session in 1..=6 {
        f.greeted(session);
    }
    for session in 1..=2 {
        f.begin_login(session, "cam", "right");
    }
    let waiting = f.begin_login(3, "cam", "right");
    for (session, name) in [(4, "a"), (5, "b"), (6, "c")] {
        f.begin_login(session, name, "wrong");
    }
    let checks: Vec<_> = std::iter::from_fn(|| f.check()).collect();
    assert_eq!(checks.len(), 5);
    for (check, matches) in checks.into_iter().rev() {
        f.input(Input::PasswordChecked { check, matches });
    }
    let error = f.answer(&waiting).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Penalised);
    assert!(f.check().is_none());
}

#[test]
fn many_failures_of_one_name_and_mistakes_that_are_mended_penalise_nobody() {
    let mut f = Fixture::new();
    f.greeted(1);
    let mut refused = 0;
    for _ in 0..20 {
        let id = f.begin_login(1, "nobody", "wrong");
        if f.answer(&id).is_some() {
            refused += 1;
        } else {
            f.finish_check();
        }
        f.pass(Duration::from_secs(5));
    }
    assert!(refused > 10, "the name is refused from here: {refused}");
    // A classroom behind the same address.
    for round in 0..10 {
        for (n, name) in (0..).zip(["cam", "uav", "watch"]) {
            let session = 10 + round * 10 + n;
            f.greeted(session);
            f.login(session, name, "wrong").unwrap_err();
            f.login(session, name, "right").unwrap();
        }
    }
}

#[test]
fn a_session_that_is_logged_in_goes_on() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.greeted(2);
    for name in ["a", "b", "c"] {
        f.login(2, name, "wrong").unwrap_err();
    }
    assert_eq!(f.refused_login(2, "cam").code, ErrorCode::Penalised);
    assert_eq!(f.active(), ["cam"]);
    assert_eq!(f.end_of(1), None);
    let id = f.call(1, Request::ListDevices(Default::default()));
    assert!(f.answer(&id).unwrap().is_ok());
}

#[test]
fn a_key_is_refused_by_no_penalty_and_counts_for_none() {
    let mut f = Fixture::enrolled();
    f.greeted(2);
    for name in ["a", "b", "c"] {
        f.login(2, name, "wrong").unwrap_err();
    }
    assert_eq!(f.refused_login(2, "cam").code, ErrorCode::Penalised);
    f.key_login(2, "cam", 1, Possession::Proven).unwrap();
    f.greeted(3);
    let error = f.refused_login(3, "cam");
    assert_eq!(error.code, ErrorCode::Penalised, "the penalty goes on");

    let mut f = Fixture::enrolled();
    f.greeted(2);
    for n in 0..20 {
        let refused = f.key_login(2, &n.to_string(), 1, Possession::Proven);
        assert_eq!(refused.unwrap_err().code, ErrorCode::KeyRefused);
    }
    f.login(2, "cam", "right").unwrap();
}

#[test]
fn the_operator_is_told_once() {
    let mut f = Fixture::penalised(["a", "b", "c"]);
    let lines = f.shown();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!(lines[3], LINE);
    for _ in 0..10 {
        f.refused_login(1, "cam");
    }
    assert_eq!(f.shown(), [""; 0]);
}

#[test]
fn loopback_is_not_penalised() {
    let mut f = Fixture::new();
    f.greeted_from(1, [127, 0, 0, 1]);
    for n in 0..100 {
        let error = f.login(1, &n.to_string(), "wrong").unwrap_err();
        assert_eq!(error.code, ErrorCode::WrongPassword);
    }
}

/// Guesses at `cam` as fast as it can, and how often the owner is let in who tries each second from
/// another address. The guesser's sources take turns.
fn owner_under_attack(sources: u8, seconds: u32) -> Vec<u32> {
    let mut f = Fixture::new();
    for n in 0..sources {
        f.greeted_from(1 + u64::from(n), [198, 51, 100, n]);
    }
    let mut let_in = Vec::new();
    for second in 0..seconds {
        for n in 0..sources {
            for _ in 0..10 {
                f.begin_login(1 + u64::from(n), "cam", "guess");
                while f.check().is_some_and(|(check, matches)| {
                    f.input(Input::PasswordChecked { check, matches });
                    true
                }) {}
            }
        }
        let session = 1000 + u64::from(second);
        f.greeted_from(session, OTHER);
        let login = Login::by_password("cam", "right");
        let id = f.call(session, Request::Login(login));
        if let Some((check, matches)) = f.check() {
            f.input(Input::PasswordChecked { check, matches });
        }
        if f.answer(&id).expect("an answer").is_ok() {
            let_in.push(second);
        }
        let session = SessionId(session);
        f.input(Input::Disconnected { session });
        f.effects.clear();
        f.pass(Duration::from_secs(1));
        for n in 0..sources {
            let session = SessionId(1 + u64::from(n));
            f.input(Input::Alive { session });
        }
    }
    let_in
}

/// Before there was a penalty of one name, the owner was never let in.
#[test]
fn the_owner_of_a_name_under_attack_gets_in_from_another_address() {
    let let_in = owner_under_attack(1, 200);
    assert!(let_in[0] <= 20, "after {} s", let_in[0]);
    let longest = let_in.windows(2).map(|two| two[1] - two[0]).max();
    assert!(
        longest <= Some(11),
        "never out for more than a block: {longest:?}"
    );
    assert!(let_in.len() > 150, "{}", let_in.len());

    let let_in = owner_under_attack(5, 200);
    let first = let_in[0];
    assert!(first <= 5 * 30, "half a minute a source: {first} s");
}

#[test]
fn a_source_that_keeps_failing_on_one_name_is_refused_that_name_alone() {
    let mut f = Fixture::new();
    f.greeted(1);
    for _ in 0..2 {
        f.login(1, "cam", "wrong").unwrap_err();
        f.login(1, "cam", "wrong").unwrap_err();
        f.pass(Duration::from_secs(10));
    }
    let error = f.refused_login(1, "cam");
    let message = "Too many wrong passwords of this name have come from this address, which may \
                   not try it for a while; please try again later";
    assert_eq!(coded(&error), (ErrorCode::Penalised, message));
    assert_eq!(retry_after(&error), Some(5_000));
    let line = "passwords of cam from 192.0.2.1 are refused for 15 s: too many wrong ones";
    assert!(f.shown().iter().any(|shown| shown == line));
    f.greeted(2);
    f.login(2, "uav", "right").unwrap();
    f.operate(AdminRequest::Unlock {
        name: "cam".parse().unwrap(),
    });
    f.login(1, "cam", "right").unwrap();
}
