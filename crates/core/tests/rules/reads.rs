//! Accounts that are read from the store: calls wait for them, in their order, and nothing is decided
//! without them.

use fleetlink_core::{
    AccountOrder, AdminId, AdminReply, AdminRequest, Caller, Change, Door, Effect, Input,
    OperationId, Possession, Proof, Query, SessionChoice, SessionId, Settings, StoreCall,
    StoreError, StoreReply,
};
use fleetlink_proto::control::limits::{MAX_PARKED_CALLS, MAX_QUEUED_OPERATIONS};
use fleetlink_proto::control::{
    EndReason, ErrorCode, Join, ListFiles, Login, Reply, Request, RequestId,
};
use fleetlink_proto::{IdempotencyKey, Signature};

use crate::fixture::{Fixture, hash, name, settings};

fn keyed(device: &str) -> Request {
    let key = fleetlink_proto::DeviceKey::from_bytes([1; 32]);
    Request::Login(Login::by_key(device, key, Signature::from_bytes([0; 64])))
}

fn password(device: &str) -> Request {
    Request::Login(Login::by_password(device, "right"))
}

/// A hub that has read no account, with a fresh session 9; its `cam` has the key 1.
fn fresh() -> Fixture {
    let mut f = Fixture::enrolled();
    f.restart(settings());
    f.reads_wait = true;
    f.greeted(9);
    f
}

impl Fixture {
    /// The read of an account that the hub asked for first, and whose.
    fn read(&mut self) -> Option<(OperationId, String)> {
        self.take(|effect| match effect {
            Effect::Store {
                operation,
                call: StoreCall::Query(Query::Account { name }),
            } => Some((*operation, name.to_string())),
            _ => None,
        })
    }

    fn has_read(&self) -> bool {
        let is_read = |effect: &Effect| {
            matches!(
                effect,
                Effect::Store {
                    call: StoreCall::Query(Query::Account { .. }),
                    ..
                }
            )
        };
        self.effects.iter().any(is_read)
    }

    fn remove_with_unknown_outcome(&mut self, device: &str, is_removed: bool) {
        self.operate(AdminRequest::Change {
            name: name(device),
            order: AccountOrder::Remove {
                with_data: false,
                key: IdempotencyKey::from_bits(1),
            },
        });
        let (operation, call) = self.store_call().expect("the removal");
        if is_removed {
            self.stored.follow(&call, StoreReply::Done);
        }
        let result = Err(StoreError::Unknown("x".to_owned()));
        self.input(Input::StoreAnswered { operation, result });
    }

    fn answer_read(&mut self) -> String {
        let (operation, text) = self.read().expect("a read");
        let query = Query::Account { name: name(&text) };
        let reply = self.stored.read(&StoreCall::Query(query)).unwrap();
        let result = Ok(reply);
        self.input(Input::StoreAnswered { operation, result });
        text
    }

    fn fail_read(&mut self, error: StoreError) {
        let (operation, _) = self.read().expect("a read");
        let result = Err(error);
        self.input(Input::StoreAnswered { operation, result });
    }
}

#[test]
fn a_login_waits_for_its_account_and_what_is_behind_it_for_the_login() {
    let mut f = fresh();
    let login = f.call_with(9, keyed("cam"), Possession::Proven);
    let join = f.call(9, Request::Join(Join::default()));
    let list = f.call(9, Request::ListFiles(ListFiles::default()));
    for id in [&login, &join, &list] {
        assert!(f.answer(id).is_none(), "the account is not read");
    }
    assert_eq!(f.answer_read(), "cam");
    assert!(matches!(f.answer(&login), Some(Ok(Reply::Login(_)))));
    assert!(matches!(f.answer(&join), Some(Ok(Reply::Join(_)))));
    assert!(f.answer(&list).is_none(), "that waits for its own answer");
    f.store_call().expect("the list");
    assert!(f.read().is_none(), "an account is read once");
}

#[test]
fn known_and_unknown_names_are_read_and_checked_alike() {
    let mut f = fresh();
    for device in ["cam", "nobody"] {
        f.greeted(10);
        let id = f.call(10, password(device));
        assert!(f.check().is_none(), "nothing is checked before the read");
        assert_eq!(f.answer_read(), device);
        f.finish_check();
        assert_eq!(f.answer(&id).unwrap().is_ok(), device == "cam");
        let session = SessionId(10);
        f.input(Input::Disconnected { session });
    }
    // The second time neither needs the store.
    for device in ["cam", "nobody"] {
        f.greeted(10);
        f.call(10, password(device));
        assert!(f.read().is_none());
        f.finish_check();
        let session = SessionId(10);
        f.input(Input::Disconnected { session });
    }
}

#[test]
fn names_without_an_account_do_not_fill_the_memory() {
    let mut f = fresh();
    f.restart(Settings {
        cached_accounts: 3,
        penalties: None,
        ..settings()
    });
    f.greeted(1);
    for number in 0..20 {
        let id = f.call(1, password(&format!("ghost-{number}")));
        f.answer_read();
        f.finish_check();
        f.answer(&id).unwrap().unwrap_err();
    }
    f.call(1, password("ghost-0"));
    assert_eq!(f.answer_read(), "ghost-0", "it made room for later ones");
}

#[test]
fn a_store_that_fails_refuses_logins_and_counts_none_as_failed() {
    for (error, code) in [
        (
            StoreError::Unavailable("x".to_owned()),
            ErrorCode::StoreUnavailable,
        ),
        (
            StoreError::Unknown("x".to_owned()),
            ErrorCode::StoreUnavailable,
        ),
        (StoreError::Corrupt("x".to_owned()), ErrorCode::Corrupt),
    ] {
        let mut f = fresh();
        // Twice as many as lock a name out.
        for _ in 0..4 {
            let id = f.call(9, password("cam"));
            f.fail_read(error.clone());
            let refused = f.answer(&id).unwrap().unwrap_err();
            assert_eq!(refused.code, code);
            assert!(!refused.message.contains('x'), "{}", refused.message);
        }
        let id = f.call_with(9, keyed("cam"), Possession::Proven);
        f.fail_read(error.clone());
        assert_eq!(f.answer(&id).unwrap().unwrap_err().code, code);
        let id = f.call(9, password("cam"));
        f.answer_read();
        f.finish_check();
        f.answer(&id).unwrap().unwrap();
    }
}

#[test]
fn the_operator_is_told_why_the_store_was_not_read() {
    let mut f = fresh();
    let name = name("cam");
    f.operate(AdminRequest::Unlock { name });
    f.fail_read(StoreError::Unavailable("the disk is gone".to_owned()));
    let why = f.operator_answer().unwrap().unwrap_err();
    assert!(why.contains("the disk is gone"), "{why}");
}

#[test]
fn a_session_that_ends_takes_its_parked_call_along() {
    let mut f = fresh();
    let gone = f.call(9, password("cam"));
    f.call(9, Request::Join(Join::default()));
    let session = SessionId(9);
    f.input(Input::Disconnected { session });
    f.answer_read();
    assert!(f.check().is_none() && f.answer(&gone).is_none());
    // What was read serves the next.
    f.greeted(10);
    f.call(10, password("cam"));
    f.finish_check();
}

#[test]
fn a_hub_that_closes_answers_what_is_parked_and_waits_for_the_store() {
    let mut f = fresh();
    f.call(9, password("cam"));
    f.operate(AdminRequest::Unlock { name: name("uav") });
    f.input(Input::Close);
    let why = f.operator_answer().unwrap().unwrap_err();
    assert_eq!(why, "the hub is closing");
    assert_eq!(f.end_of(9), Some(EndReason::HubClosing));
    assert!(!f.hub.is_drained(), "the store has not answered");
    f.answer_read();
    f.answer_read();
    assert!(f.hub.is_drained());
}

#[test]
fn what_waits_behind_a_parked_call_has_a_bound() {
    let mut f = fresh();
    f.call(9, password("cam"));
    let ids: Vec<RequestId> = (0..=MAX_QUEUED_OPERATIONS)
        .map(|_| f.call(9, Request::Ping))
        .collect();
    let (last, held) = ids.split_last().unwrap();
    assert_eq!(f.answer(last).unwrap().unwrap_err().code, ErrorCode::Busy);
    assert!(held.iter().all(|id| f.answer(id).is_none()));
    f.answer_read();
    assert!(
        held.iter()
            .all(|id| matches!(f.answer(id), Some(Ok(Reply::Pong(_)))))
    );
}

#[test]
fn parked_calls_have_a_bound() {
    let mut f = fresh();
    let list = || Request::ListFiles(ListFiles::default());
    let caller = |number: usize| Caller::Device {
        name: name(&format!("cam-{number}")),
        proof: Proof::Password(hash("right")),
        address: None,
    };
    let call = f.call_by(Door::Http, caller(0), list());
    for number in 1..MAX_PARKED_CALLS {
        f.call_by(Door::Http, caller(number), list());
    }
    let id = f.call(9, password("cam"));
    assert_eq!(f.answer(&id).unwrap().unwrap_err().code, ErrorCode::Busy);
    assert_eq!(f.answer_read(), "cam-0");
    let reply = f.stateless_reply(call).unwrap().unwrap_err();
    assert_eq!(reply.code, ErrorCode::OutOfOrder, "there is no account");
    f.call(9, password("cam"));
    let reads = std::iter::from_fn(|| f.read()).map(|(_, name)| name);
    assert_eq!(
        reads.last().as_deref(),
        Some("cam"),
        "there is room for one"
    );
}

/// A read that began before a change may say what was before it.
#[test]
fn a_read_that_a_change_has_overtaken_is_made_again() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.reads_wait = true;
    f.input(Input::AccountChanged { name: name("cam") });
    let (operation, _) = f.read().expect("a read");
    let before = f
        .stored
        .read(&StoreCall::Query(Query::Account { name: name("cam") }))
        .unwrap();
    let id = f.call_with(1, crate::keys::enrol(1), Possession::Proven);
    f.store_answers(Ok(StoreReply::Done));
    f.answer(&id).unwrap().unwrap();
    let result = Ok(before);
    f.input(Input::StoreAnswered { operation, result });
    f.answer_read();
    f.greeted(2);
    let login = f.call_with(2, keyed("cam"), Possession::Proven);
    assert!(matches!(f.answer(&login), Some(Ok(_))), "the key is known");
}

#[test]
fn a_change_by_somebody_else_ends_the_sessions_that_rest_on_what_was_before() {
    let change = |change: Change| StoreCall::Change(change);
    for (made, by_password, by_key) in [
        (
            change(Change::SetPassword {
                name: name("cam"),
                password_hash: hash("new"),
            }),
            Some(EndReason::PasswordChanged),
            None,
        ),
        (
            change(Change::RemoveKey { name: name("cam") }),
            None,
            Some(EndReason::KeyRevoked),
        ),
        (
            change(Change::RemoveAccount { name: name("cam") }),
            Some(EndReason::AccountRemoved),
            Some(EndReason::AccountRemoved),
        ),
    ] {
        let mut f = Fixture::enrolled();
        f.greeted(2);
        f.call_with(2, keyed("cam"), Possession::Proven);
        f.attached(3, "uav");
        f.stored.follow(&made, StoreReply::Done);
        f.input(Input::AccountChanged { name: name("cam") });
        assert_eq!(f.end_of(1), by_password, "{made:?}");
        assert_eq!(f.end_of(2), by_key, "{made:?}");
        assert_eq!(f.end_of(3), None);
    }
}

#[test]
fn the_operator_lists_accounts_by_pages() {
    let mut f = Fixture::new();
    let names = |f: &mut Fixture, after: Option<&str>| {
        f.input(Input::Admin {
            admin: AdminId(1),
            door: Door::Socket,
            caller: Caller::Operator,
            request: AdminRequest::ListAccounts {
                after: after.map(name),
            },
        });
        match f.operator_answer() {
            Some(Ok(AdminReply::Accounts(page))) => {
                let names = page.into_iter().map(|account| account.name.to_string());
                names.collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(names(&mut f, None), ["cam", "uav", "watch"]);
    assert_eq!(names(&mut f, Some("cam")), ["uav", "watch"]);
    assert_eq!(names(&mut f, Some("watch")), [""; 0]);
}

#[test]
fn sessions_end_at_the_operators_word_whatever_the_store_says() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.reads_wait = true;
    f.input(Input::AccountChanged { name: name("cam") });
    f.operate(AdminRequest::EndSessions(SessionChoice::OfDevice(name(
        "cam",
    ))));
    assert_eq!(f.end_of(1), Some(EndReason::EndedByOperator));
}

/// It costs no read which an active name does not cost.
#[test]
fn what_is_refused_from_memory_is_refused_without_a_read() {
    let mut f = fresh();
    for device in ["a", "b", "c"] {
        f.call(9, password(device));
        f.answer_read();
        let (check, _) = f.check().expect("a check");
        let matches = false;
        f.input(Input::PasswordChecked { check, matches });
    }
    f.reads_wait = true;
    f.effects.clear();
    let id = f.call(9, password("cam"));
    let error = f.answer(&id).expect("a reply at once").unwrap_err();
    assert_eq!(error.code, ErrorCode::Penalised);
    let shown = f.show([192, 0, 2, 1], "cam", "right");
    let error = f.identified(shown).expect("a reply at once").unwrap_err();
    assert_eq!(error.code, ErrorCode::Penalised);
    assert!(f.store_call().is_none());
}

#[test]
fn a_locked_out_name_and_a_key_that_was_not_shown_are_refused_without_a_read() {
    let mut f = fresh();
    f.restart(Settings {
        cached_accounts: 1,
        penalties: None,
        ..settings()
    });
    f.greeted(1);
    for _ in 0..2 {
        f.call(1, password("locked"));
        if f.has_read() {
            f.answer_read();
        }
        let (check, _) = f.check().expect("a check");
        let matches = false;
        f.input(Input::PasswordChecked { check, matches });
    }
    // Others take its place in memory.
    for number in 0..20 {
        f.call(1, password(&format!("ghost-{number}")));
        f.answer_read();
        f.finish_check();
    }
    f.effects.clear();
    let id = f.call(1, password("locked"));
    let error = f.answer(&id).expect("a reply at once").unwrap_err();
    assert_eq!(error.code, ErrorCode::Blocked);
    let shown = f.show([192, 0, 2, 1], "locked", "right");
    let error = f.identified(shown).expect("a reply at once").unwrap_err();
    assert_eq!(error.code, ErrorCode::Blocked);
    for (possession, code) in [
        (Possession::Unproven, ErrorCode::KeyRefused),
        (Possession::NoChannel, ErrorCode::NoChannel),
    ] {
        let id = f.call_with(1, keyed("cam"), possession);
        let error = f.answer(&id).expect("a reply at once").unwrap_err();
        assert_eq!(error.code, code);
    }
    assert!(f.store_call().is_none());
}

/// A revocation that finds no key has a known outcome, so it hides no later doubt.
#[test]
fn a_revocation_without_a_key_lets_a_later_doubt_be_read() {
    for outcome in [StoreError::NotFound, StoreError::Unknown("x".to_owned())] {
        let mut f = Fixture::new();
        f.greeted(1);
        f.operate(AdminRequest::RevokeKey { name: name("cam") });
        f.store_answers(Err(outcome));
        f.operate(AdminRequest::Change {
            name: name("cam"),
            order: AccountOrder::SetPassword(hash("new")),
        });
        let (operation, call) = f.store_call().expect("the change");
        f.stored.follow(&call, StoreReply::Done);
        let result = Err(StoreError::Unknown("x".to_owned()));
        f.input(Input::StoreAnswered { operation, result });
        f.reads_wait = true;
        f.call(1, password("cam"));
        assert_eq!(f.answer_read(), "cam");
        let (_, is_right) = f.check().expect("a check");
        assert!(!is_right, "the old password");
    }
}

#[test]
fn a_change_of_a_name_that_differs_by_case_leaves_the_account_as_it_is() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.operate(AdminRequest::Change {
        name: name("CAM"),
        order: AccountOrder::RemoveLogin {
            origin: "file".into(),
        },
    });
    f.store_answers(Ok(StoreReply::Account(None)));
    assert_eq!(f.end_of(1), None);
    f.greeted(2);
    f.login(2, "cam", "right").unwrap();
}

/// A removal of unknown outcome: the sessions end where it was made.
#[test]
fn an_account_in_doubt_is_read_where_sessions_rest_on_it() {
    for is_removed in [true, false] {
        let mut f = Fixture::new();
        f.joined(1, "cam");
        f.reads_wait = true;
        f.remove_with_unknown_outcome("cam", is_removed);
        assert_eq!(f.end_of(1), None, "nobody knows");
        assert_eq!(f.answer_read(), "cam");
        let ended = is_removed.then_some(EndReason::AccountRemoved);
        assert_eq!(f.end_of(1), ended);
    }
}

/// The account as it was known before does not suffice to let a device in.
#[test]
fn a_check_that_a_doubt_has_overtaken_lets_nobody_in_before_the_account_is_read() {
    for is_removed in [true, false] {
        let mut f = Fixture::new();
        f.greeted(2);
        let id = f.begin_login(2, "cam", "right");
        f.reads_wait = true;
        f.remove_with_unknown_outcome("cam", is_removed);
        f.finish_check();
        let error = f.answer(&id).unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::Busy);
        f.call(2, password("cam"));
        assert_eq!(f.answer_read(), "cam");
        let (_, is_right) = f.check().expect("a check");
        assert_eq!(is_right, !is_removed);
    }
}

#[test]
fn calls_of_devices_do_not_crowd_out_the_operator() {
    let mut f = fresh();
    for number in 0..=MAX_PARKED_CALLS {
        f.show([192, 0, 2, 1], &format!("ghost-{number}"), "right");
    }
    f.operate(AdminRequest::Unlock { name: name("cam") });
    assert_eq!(f.operator_answer(), None, "it is not refused");
    let reads = std::iter::from_fn(|| f.read()).map(|(_, name)| name);
    assert_eq!(reads.last().as_deref(), Some("cam"));
}
