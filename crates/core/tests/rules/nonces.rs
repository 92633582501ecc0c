//! Logins by key with a nonce of the hub.

use std::time::Duration;

use fleetlink_core::{Input, Possession, SessionId};
use fleetlink_proto::control::limits::{LOGIN_NONCE_LIFE, MAX_LOGIN_NONCES};
use fleetlink_proto::control::{ErrorCode, Login, Reply, Request, RequestId};
use fleetlink_proto::{DeviceKey, LoginNonce, Signature};

use crate::fixture::{Answer, Fixture};
use Possession::{NoChannel, Proven, Unproven};

impl Fixture {
    /// Asks for a nonce; the session draws this one.
    fn nonce(&mut self, session: u64, drawn: Option<u8>) -> Answer {
        let id = RequestId::Text("nonce".into());
        self.input(Input::NonceAsked {
            session: SessionId(session),
            id: id.clone(),
            nonce: drawn.map(|byte| LoginNonce::from_bytes([byte; 32])),
        });
        self.answer(&id).expect("an answer at once")
    }

    fn nonce_login(&mut self, session: u64, name: &str, nonce: u8, found: Possession) -> Answer {
        let (key, signature) = (
            DeviceKey::from_bytes([1; 32]),
            Signature::from_bytes([0; 64]),
        );
        let nonce = LoginNonce::from_bytes([nonce; 32]);
        let login = Login::by_nonce(name, key, signature, nonce);
        let id = self.call_with(session, Request::Login(login), found);
        self.answer(&id).expect("an answer at once")
    }
}

#[track_caller]
fn is_refused(answer: Answer, code: ErrorCode) {
    assert_eq!(answer.unwrap_err().code, code);
}

#[test]
fn a_nonce_is_issued_between_hello_and_login_and_over_tls_alone() {
    let mut f = Fixture::enrolled();
    f.connect(2);
    is_refused(f.nonce(2, Some(7)), ErrorCode::OutOfOrder);
    f.hello(2, &[1]).unwrap();
    is_refused(f.nonce(2, None), ErrorCode::NoChannel);
    is_refused(f.nonce_login(2, "cam", 7, NoChannel), ErrorCode::NoChannel);
    let Ok(Reply::LoginNonce(reply)) = f.nonce(2, Some(7)) else {
        panic!("a nonce");
    };
    assert_eq!(reply.nonce, LoginNonce::from_bytes([7; 32]));
    assert_eq!(reply.expires_ms, 30_000);
    f.nonce_login(2, "cam", 7, Proven).unwrap();
    is_refused(f.nonce(2, Some(8)), ErrorCode::OutOfOrder);
    is_refused(f.nonce_login(2, "cam", 7, Proven), ErrorCode::OutOfOrder);
}

/// Also a login that is refused for another reason.
#[test]
fn a_nonce_is_used_up_by_any_login_that_names_it() {
    for (name, found) in [("cam", Unproven), ("nobody", Proven), ("uav", Proven)] {
        let mut f = Fixture::enrolled();
        f.greeted(2);
        f.nonce(2, Some(7)).unwrap();
        is_refused(f.nonce_login(2, name, 7, found), ErrorCode::KeyRefused);
        is_refused(f.nonce_login(2, name, 7, found), ErrorCode::StaleNonce);
        is_refused(f.nonce_login(2, "cam", 7, Proven), ErrorCode::StaleNonce);
        f.nonce(2, Some(8)).unwrap();
        f.nonce_login(2, "cam", 8, Proven).unwrap();
    }
}

/// Also by one that waits for no decision, because another login is being decided.
#[test]
fn a_login_out_of_order_uses_its_nonce_up_too() {
    let mut f = Fixture::enrolled();
    f.greeted(2);
    f.nonce(2, Some(7)).unwrap();
    f.begin_login(2, "cam", "wrong");
    is_refused(f.nonce_login(2, "cam", 7, Proven), ErrorCode::OutOfOrder);
    f.finish_check();
    is_refused(f.nonce_login(2, "cam", 7, Proven), ErrorCode::StaleNonce);
}

#[test]
fn a_nonce_of_one_connection_is_of_no_use_on_another() {
    let mut f = Fixture::enrolled();
    f.greeted(2);
    f.greeted(3);
    f.nonce(2, Some(7)).unwrap();
    is_refused(f.nonce_login(3, "cam", 7, Proven), ErrorCode::StaleNonce);
    f.nonce_login(2, "cam", 7, Proven).unwrap();
}

#[test]
fn a_nonce_is_valid_for_thirty_seconds() {
    for (age, is_valid) in [(0, true), (29_999, true), (30_000, false), (31_000, false)] {
        let mut f = Fixture::enrolled();
        f.greeted(2);
        f.nonce(2, Some(7)).unwrap();
        // Pings: it is not ended for its silence.
        let mut left = Duration::from_millis(age);
        while left > Duration::ZERO {
            let step = left.min(Duration::from_secs(5));
            f.pass(step);
            f.call(2, Request::Ping);
            left -= step;
        }
        match is_valid {
            true => _ = f.nonce_login(2, "cam", 7, Proven).unwrap(),
            false => is_refused(f.nonce_login(2, "cam", 7, Proven), ErrorCode::StaleNonce),
        }
    }
    assert_eq!(LOGIN_NONCE_LIFE, Duration::from_secs(30));
}

/// A fifth makes the oldest invalid, and no other.
#[test]
fn few_nonces_of_a_session_are_valid() {
    let mut f = Fixture::enrolled();
    f.greeted(2);
    let all: Vec<u8> = (1..=5).collect();
    assert_eq!(all.len(), MAX_LOGIN_NONCES + 1);
    for &nonce in &all {
        f.nonce(2, Some(nonce)).unwrap();
    }
    is_refused(f.nonce_login(2, "cam", 1, Proven), ErrorCode::StaleNonce);
    for nonce in 2..=5 {
        is_refused(
            f.nonce_login(2, "cam", nonce, Unproven),
            ErrorCode::KeyRefused,
        );
        is_refused(
            f.nonce_login(2, "cam", nonce, Proven),
            ErrorCode::StaleNonce,
        );
    }
}

/// Neither a lock-out of the name nor a penalty of the source concerns these logins, and no number
/// of them begins one.
#[test]
fn a_stale_nonce_counts_for_no_lock_out_and_no_penalty() {
    let mut f = Fixture::enrolled();
    f.greeted(2);
    for name in ["cam", "uav", "watch", "nobody", "another"] {
        for _ in 0..10 {
            is_refused(f.nonce_login(2, name, 7, Proven), ErrorCode::StaleNonce);
        }
    }
    f.login(2, "uav", "right").unwrap();

    f.greeted(3);
    for _ in 0..2 {
        f.login(3, "cam", "wrong").unwrap_err();
    }
    let id = f.begin_login(3, "cam", "right");
    is_refused(f.answer(&id).unwrap(), ErrorCode::Blocked);
    is_refused(f.nonce_login(3, "cam", 7, Proven), ErrorCode::StaleNonce);
    let id = f.begin_login(3, "cam", "right");
    is_refused(f.answer(&id).unwrap(), ErrorCode::Blocked);
    f.nonce(3, Some(7)).unwrap();
    f.nonce_login(3, "cam", 7, Proven).unwrap();
}
