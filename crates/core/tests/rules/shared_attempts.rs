//! Two hubs that share the memory of attempts: what one counts holds at the other.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fleetlink_core::{
    AdminReply, AdminRequest, AttemptLimits, AttemptTables, Attempts, Failed, Input, LockedOut,
    Now, Standing, UnderPenalty,
};
use fleetlink_proto::WallTime;
use fleetlink_proto::control::ErrorCode;
use fleetlink_proto::control::limits::LOCK_OUT_TIME;

use crate::fixture::{Fixture, name, retry_after, settings};

const OTHER: [u8; 4] = [192, 0, 2, 2];

/// One table of several hubs. Their monotonic times have nothing to do with each other, so it goes
/// by the civil time.
#[derive(Debug, Clone)]
struct Shared(Arc<Mutex<AttemptTables>>);

impl Shared {
    fn tables(&self) -> MutexGuard<'_, AttemptTables> {
        self.0.lock().unwrap()
    }
}

fn common(now: Now) -> Now {
    Now {
        monotonic: Duration::from_millis(now.wall.unix_millis().unsigned_abs()),
        ..now
    }
}

impl Attempts for Shared {
    fn standing(&self, address: IpAddr, name: &str, now: Now) -> Standing {
        self.tables().standing(address, name, common(now))
    }

    fn begin(&mut self, name: &str, now: Now) {
        self.tables().begin(name, common(now));
    }

    fn succeed(&mut self, address: IpAddr, name: &str, now: Now) {
        self.tables().succeed(address, name, common(now));
    }

    fn fail(&mut self, address: IpAddr, name: &str, now: Now) -> Failed {
        self.tables().fail(address, name, common(now))
    }

    fn unlock(&mut self, name: &str, now: Now) {
        self.tables().unlock(name, common(now));
    }

    fn set_limits(&mut self, limits: AttemptLimits) {
        self.tables().set_limits(limits);
    }

    fn locked_out(&self, now: Now) -> Vec<LockedOut> {
        self.tables().locked_out(common(now))
    }

    fn penalties(&self, now: Now) -> Vec<UnderPenalty> {
        self.tables().penalties(common(now))
    }
}

/// Two hubs with one table, each with a greeted session 1. The second hub has run for less time.
fn two_hubs() -> [Fixture; 2] {
    let shared = Shared(Arc::new(Mutex::new(AttemptTables::new(&settings()))));
    [1000, 5].map(|running| {
        let mut f = Fixture::new().with_attempts(shared.clone());
        f.now.monotonic = Duration::from_secs(running);
        f.greeted(1);
        f
    })
}

fn pass(hubs: &mut [Fixture; 2], time: Duration) {
    for f in hubs {
        let millis = i64::try_from(time.as_millis()).unwrap();
        f.now.wall = WallTime::from_unix_millis(f.now.wall.unix_millis() + millis);
        f.pass(time);
    }
}

fn refusal(f: &mut Fixture, session: u64, tried: &str) -> (ErrorCode, Option<u64>) {
    let id = f.begin_login(session, tried, "right");
    let error = f.answer(&id).expect("refused at once").unwrap_err();
    assert!(f.check().is_none(), "no password is checked");
    (error.code, retry_after(&error))
}

#[test]
fn a_lockout_counted_at_one_hub_refuses_at_the_other() {
    let mut hubs = two_hubs();
    let [a, b] = &mut hubs;
    let first = a.login(1, "cam", "wrong").unwrap_err();
    assert_eq!(first.code, ErrorCode::WrongPassword);
    let second = b.login(1, "cam", "wrong").unwrap_err();
    assert_eq!(second.code, ErrorCode::NowBlocked, "the second of two");
    pass(&mut hubs, Duration::from_secs(4));
    for f in &mut hubs {
        assert_eq!(refusal(f, 1, "cam"), (ErrorCode::Blocked, Some(6_000)));
    }
    pass(&mut hubs, LOCK_OUT_TIME - Duration::from_secs(4));
    for f in &mut hubs {
        f.login(1, "cam", "right").unwrap();
    }
}

#[test]
fn a_right_password_at_one_hub_resets_the_count_of_both() {
    let [mut a, mut b] = two_hubs();
    a.login(1, "cam", "wrong").unwrap_err();
    b.login(1, "cam", "right").unwrap();
    let next = a.login(1, "cam", "wrong").unwrap_err();
    assert_eq!(next.code, ErrorCode::WrongPassword, "again the first");
}

#[test]
fn what_the_operator_of_one_hub_unlocks_is_unlocked_at_both() {
    let [mut a, mut b] = two_hubs();
    for _ in 0..2 {
        a.login(1, "cam", "wrong").unwrap_err();
    }
    b.operate(AdminRequest::ListAccounts { after: None });
    let Some(Ok(AdminReply::Accounts(accounts))) = b.operator_answer() else {
        panic!("a list");
    };
    let blocked = accounts
        .iter()
        .filter(|account| account.locked_out_for.is_some());
    let blocked: Vec<_> = blocked.map(|account| account.name.clone()).collect();
    assert_eq!(blocked, [name("cam")]);
    b.operate(AdminRequest::Unlock { name: name("cam") });
    a.login(1, "cam", "right").unwrap();
}

#[test]
fn checks_under_way_at_one_hub_are_waited_for_at_the_other() {
    let [mut a, mut b] = two_hubs();
    a.greeted(2);
    for session in [1, 2] {
        a.begin_login(session, "cam", "wrong");
    }
    let waiting = b.begin_login(1, "cam", "right");
    assert!(b.check().is_none(), "no attempt is left");
    assert_eq!(b.answer(&waiting), None);
    let decided = || Input::AttemptsChanged { name: "cam".into() };
    b.input(decided());
    assert_eq!(b.answer(&waiting), None, "nothing is decided yet");
    a.finish_check();
    a.finish_check();
    b.input(decided());
    let error = b.answer(&waiting).expect("a reply").unwrap_err();
    assert_eq!(error.code, ErrorCode::Blocked);
}

#[test]
fn a_penalty_for_a_network_holds_at_both_hubs() {
    let [mut a, mut b] = two_hubs();
    a.login(1, "cam", "wrong").unwrap_err();
    b.login(1, "uav", "wrong").unwrap_err();
    a.login(1, "nobody", "wrong").unwrap_err();
    for f in [&mut a, &mut b] {
        assert_eq!(refusal(f, 1, "watch").0, ErrorCode::Penalised);
        f.greeted_from(2, OTHER);
        f.login(2, "watch", "right").unwrap();
    }
}
