//! Whether a name has an account: what the hub does must not tell. What is compared is everything
//! that it wants done, in its order, and its next deadline; a driver does nothing else.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use fleetlink_core::{AccountOrder, AdminRequest, CheckId, Effect, Input, SessionId, StoreReply};
use fleetlink_proto::control::ErrorCode;
use fleetlink_proto::control::limits::{
    LOCK_OUT_TIME, MAX_REMEMBERED_NAMES, MAX_WAITING_LOGINS_PER_NAME,
};

use crate::fixture::{Fixture, hash, name, open};

/// An account whose device is joined and waits for the store.
const KNOWN: &str = "watch";
/// Its session.
const DEVICE: u64 = 1000;
/// As long as the known one, so that lengths do not tell.
const UNKNOWN: &str = "crown";

/// A hub, and everything that it did while somebody tried one name.
struct Attacked {
    hub: Fixture,
    name: &'static str,
    done: Vec<String>,
    checks: VecDeque<CheckId>,
}

impl Attacked {
    fn new(name: &'static str) -> Self {
        let mut hub = Fixture::new();
        hub.joined(DEVICE, KNOWN);
        hub.call(DEVICE, open(1));
        hub.effects.clear();
        Attacked {
            hub,
            name,
            done: Vec::new(),
            checks: VecDeque::new(),
        }
    }

    fn connect(&mut self, sessions: RangeInclusive<u64>) {
        for session in sessions {
            // Of loopback there is no bound.
            self.hub.connect_from(session, [127, 0, 0, 1]);
            self.hub.hello(session, &[1]).unwrap();
        }
    }

    fn note(&mut self) {
        for effect in std::mem::take(&mut self.hub.effects) {
            if let Effect::CheckPassword {
                check, password, ..
            } = effect
            {
                self.checks.push_back(check);
                let bytes = password.expose().len();
                self.done.push(format!("{check:?} of {bytes} bytes"));
            } else {
                let text = format!("{effect:?}");
                self.done.push(text.replace(self.name, "NAME"));
            }
        }
        let deadline = self.hub.hub.poll_timeout();
        self.done.push(format!("until {deadline:?}"));
    }

    fn guess(&mut self, session: u64, password: &str) {
        self.hub.begin_login(session, self.name, password);
        self.note();
    }

    fn finish_check(&mut self) {
        let check = self.checks.pop_front().expect("a check");
        let matches = false;
        self.hub.input(Input::PasswordChecked { check, matches });
        self.note();
    }

    fn disconnect(&mut self, session: u64) {
        let session = SessionId(session);
        self.hub.input(Input::Disconnected { session });
        self.note();
    }

    fn pass(&mut self, time: Duration) {
        let session = SessionId(DEVICE);
        self.hub.input(Input::Alive { session });
        self.hub.pass(time);
        self.note();
    }

    /// Every way in which a guess can go.
    fn be_attacked(mut self) -> Vec<String> {
        self.connect(1..=4);
        self.guess(1, "wrong");
        self.finish_check();
        for session in 2..=4 {
            self.guess(session, "wrong");
        }
        self.disconnect(4);
        self.finish_check();
        self.guess(1, "while it is blocked");
        self.pass(Duration::from_secs(3));
        self.guess(1, "still blocked");
        self.pass(LOCK_OUT_TIME);
        self.guess(1, &"too long".repeat(8_000));
        self.guess(2, "");
        self.disconnect(2);
        self.finish_check();
        self.finish_check();
        self.pass(LOCK_OUT_TIME);
        let crowd = 5..=8 + MAX_WAITING_LOGINS_PER_NAME as u64;
        self.connect(crowd.clone());
        for session in crowd {
            self.guess(session, "in a crowd");
        }
        self.finish_check();
        self.finish_check();
        assert!(self.checks.is_empty());
        self.done
    }
}

#[test]
fn the_same_work_is_done_for_known_and_unknown_names() {
    let known = Attacked::new(KNOWN).be_attacked();
    let unknown = Attacked::new(UNKNOWN).be_attacked();
    for (known, unknown) in known.iter().zip(&unknown) {
        assert_eq!(known, unknown);
    }
    assert_eq!(known.len(), unknown.len());
    let count = |what: &str| known.iter().filter(|done| done.contains(what)).count();
    assert_eq!(count("CheckId"), 6);
    assert_eq!(count("WrongPassword"), 2 * 3, "each is told and shown");
    assert!(count("NowBlocked") > 0 && count("Busy") > 0 && count("Blocked,") > 0);
    assert_eq!(count("Store"), 0, "the store is not asked");
}

fn wrong(f: &mut Fixture, name: &str) -> ErrorCode {
    let refused = f.login(1, name, "wrong").unwrap_err();
    f.effects.clear();
    refused.code
}

fn wrong_at_many_others(f: &mut Fixture) {
    for n in 0..=MAX_REMEMBERED_NAMES {
        wrong(f, &format!("other{n}"));
    }
}

#[test]
fn known_and_unknown_names_are_remembered_alike() {
    for name in [KNOWN, UNKNOWN] {
        let mut f = Fixture::new();
        // From there nobody is penalised for the many names.
        f.greeted_from(1, [127, 0, 0, 1]);
        wrong(&mut f, name);
        wrong_at_many_others(&mut f);
        let code = wrong(&mut f, name);
        assert_eq!(code, ErrorCode::NowBlocked, "{name}: too early to forget");

        f.pass(LOCK_OUT_TIME);
        wrong(&mut f, name);
        f.pass(LOCK_OUT_TIME);
        wrong_at_many_others(&mut f);
        assert_eq!(wrong(&mut f, name), ErrorCode::WrongPassword, "{name}");
    }
}

#[test]
fn failures_that_came_before_the_account_count() {
    let mut f = Fixture::new();
    f.greeted(1);
    wrong(&mut f, "new");
    f.operate(AdminRequest::Change {
        name: name("new"),
        order: AccountOrder::Add(hash("right")),
    });
    f.store_answers(Ok(StoreReply::Done));
    assert_eq!(wrong(&mut f, "new"), ErrorCode::NowBlocked);
}
