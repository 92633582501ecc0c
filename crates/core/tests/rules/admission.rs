//! People and programs at the HTTP door: by a password, by a one-time link, by a token.

use std::time::Duration;

use fleetlink_core::authorisation::Means;
use fleetlink_core::{
    AccountOrder, AdminErrorKind, AdminReply, AdminRequest, Admission, CallId, Caller, Change,
    Door, Effect, Input, PageSession, PageSessions, PeopleOrder, Proof, Purpose, Rule, RuleKind,
    RuleName, ShownPassword, ShownSecret, StoreCall, StoreError, StoreReply, Token, TokenId,
    WebLogin,
};
use fleetlink_proto::WallTime;
use fleetlink_proto::access::limits::{LINK_SESSION_LIFE, LOGIN_SESSION_LIFE, PAGE_SESSION_IDLE};
use fleetlink_proto::access::{AccessHash, Role};
use fleetlink_proto::control::limits::LOCK_OUT_TIME;
use fleetlink_proto::control::{ErrorCode, ListFiles, Request, RpcError};

use crate::fixture::{Fixture, administrator, hash, name, retry_after, viewer};
use crate::stored::{ADMINISTRATOR, VIEWER};

const FROM: [u8; 4] = [192, 0, 2, 1];
const OTHER: [u8; 4] = [192, 0, 2, 2];
const NEW: AccessHash = AccessHash::from_bytes([9; 32]);
pub(crate) const TOKEN: AccessHash = AccessHash::from_bytes([5; 32]);

impl Fixture {
    /// A hub whose store has the login `eve` with the password `right`.
    fn with_login() -> Self {
        let mut f = Fixture::new();
        f.stored.logins.push(WebLogin {
            name: "eve".parse().unwrap(),
            role: Role::Viewer,
            password_hash: hash("right"),
            created: f.now.wall,
        });
        f
    }

    /// A hub whose store has a token of this role.
    pub(crate) fn with_token(role: &str) -> Self {
        let mut f = Fixture::new();
        f.put_token(role, None);
        f
    }

    pub(crate) fn put_token(&mut self, role: &str, expires: Option<WallTime>) {
        let token = Token {
            id: TokenId(7),
            name: "script".parse().unwrap(),
            role: role.parse().unwrap(),
            created: self.now.wall,
            expires,
            used: None,
        };
        let token = Admission::Token(token);
        self.stored.admissions.insert(TOKEN, token);
    }

    fn log_in(&mut self, address: [u8; 4], login: &str, password: &str) -> CallId {
        let call = self.next_call();
        let shown = ShownPassword {
            address: address.into(),
            name: login.into(),
            password: password.into(),
        };
        self.input(Input::LoginShown {
            call,
            door: Door::Http,
            shown,
            session: NEW,
        });
        call
    }

    fn show_secret(&mut self, secret: AccessHash, purpose: Purpose) -> CallId {
        self.show_secret_by(Door::Http, secret, purpose)
    }

    fn show_secret_by(&mut self, door: Door, secret: AccessHash, purpose: Purpose) -> CallId {
        let call = self.next_call();
        let shown = ShownSecret {
            address: FROM.into(),
            secret,
            purpose,
        };
        self.input(Input::SecretShown { call, door, shown });
        call
    }

    /// The caller whom a secret admits now.
    pub(crate) fn admit(&mut self, secret: AccessHash) -> Result<Caller, RpcError> {
        let call = self.show_secret(secret, Purpose::Admit);
        self.identified(call).expect("a reply at once")
    }

    /// Time passes by both clocks.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.now.wall = self.now.wall.later(time);
        self.pass(time);
    }

    /// Revokes the token by the operator; the store does it.
    pub(crate) fn revoke_token(&mut self) {
        let token = TokenId(7);
        self.stored.admissions.remove(&TOKEN);
        self.order_people(
            PeopleOrder::RevokeToken { token },
            &Change::RevokeToken { token },
        );
        assert_eq!(self.operator_answer(), Some(Ok(AdminReply::Done)));
    }

    /// Has the operator order this change, and the store do it.
    pub(crate) fn order_people(&mut self, order: PeopleOrder, change: &Change) {
        self.operate(AdminRequest::People(order));
        let (operation, call) = self.take_change(change);
        self.answer_store(operation, &call, Ok(StoreReply::Done));
    }

    fn take_change(&mut self, wanted: &Change) -> (fleetlink_core::OperationId, StoreCall) {
        let found = self.take(|effect| match effect {
            Effect::Store {
                operation,
                call: StoreCall::Change(change),
            } if change == wanted => Some((*operation, StoreCall::Change(change.clone()))),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("{wanted:?} in {:?}", self.effects))
    }

    pub(crate) fn noted(&mut self) -> usize {
        let mut count = 0;
        while let Some((operation, call)) = self.take(|effect| match effect {
            Effect::Store {
                operation,
                call: StoreCall::Change(Change::NoteUses(uses)),
            } => Some((
                *operation,
                StoreCall::Change(Change::NoteUses(uses.clone())),
            )),
            _ => None,
        }) {
            count += 1;
            self.answer_store(operation, &call, Ok(StoreReply::Done));
        }
        count
    }
}

fn opened(f: &Fixture, login: Option<&str>, role: Role) -> StoreReply {
    StoreReply::Admission(Some(Admission::Session(PageSession {
        login: login.map(|login| login.parse().unwrap()),
        role,
        opened: f.now.wall,
        used: f.now.wall,
    })))
}

fn list_files() -> Request {
    Request::ListFiles(ListFiles::default())
}

#[test]
fn the_right_password_opens_a_session_that_admits() {
    let mut f = Fixture::with_login();
    let call = f.log_in(FROM, "eve", "right");
    f.finish_check();
    assert_eq!(f.identified(call), None, "not before the store has it");
    let reply = opened(&f, Some("eve"), Role::Viewer);
    let asked = f.store_answers(Ok(reply));
    assert_eq!(
        asked,
        StoreCall::Change(Change::OpenPageSession {
            login: "eve".parse().unwrap(),
            password_hash: hash("right"),
            session: NEW,
            at: f.now.wall,
        })
    );
    let Some(Ok(Caller::Viewer(person))) = f.identified(call) else {
        panic!("no viewer");
    };
    assert_eq!((&*person.name, person.secret), ("eve", NEW));
    assert_eq!(person.expires, Some(f.now.wall.later(PAGE_SESSION_IDLE)));
    let lines = f.shown();
    assert!(
        lines.contains(&"eve logged in to the page from 192.0.2.1".to_owned()),
        "{lines:?}"
    );
    assert!(matches!(f.admit(NEW), Ok(Caller::Viewer(_))));
}

#[test]
fn wrong_passwords_of_a_login_lock_it_out_and_no_device_of_its_name() {
    let mut f = Fixture::with_login();
    let mut codes = Vec::new();
    for login in ["eve", "EVE", "eve"] {
        let call = f.log_in(OTHER, login, "wrong");
        if f.check().is_some_and(|(check, matches)| {
            f.input(Input::PasswordChecked { check, matches });
            true
        }) {
            codes.push(f.identified(call).unwrap().unwrap_err().code);
        } else {
            let error = f.identified(call).expect("a reply at once").unwrap_err();
            assert!(retry_after(&error).is_some());
            codes.push(error.code);
        }
    }
    assert_eq!(
        codes,
        [
            ErrorCode::WrongPassword,
            ErrorCode::NowBlocked,
            ErrorCode::Blocked
        ]
    );
    // A device of this name is not concerned.
    let call = f.show(OTHER, "eve", "wrong");
    f.finish_check();
    let error = f.identified(call).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::WrongPassword);
    f.wait(LOCK_OUT_TIME);
    let call = f.log_in(FROM, "eve", "right");
    f.finish_check();
    let reply = opened(&f, Some("eve"), Role::Viewer);
    f.store_answers(Ok(reply));
    assert!(f.identified(call).unwrap().is_ok());
}

#[test]
fn no_name_at_the_doors_of_devices_locks_a_person_out() {
    for tried in ["login/eve", "LOGIN/eve"] {
        let mut f = Fixture::with_login();
        f.greeted_from(1, OTHER);
        f.login(1, tried, "wrong").unwrap_err();
        let call = f.show(OTHER, tried, "wrong");
        f.finish_check();
        let error = f.identified(call).unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::NowBlocked, "one name by both doors");
        f.operate(AdminRequest::ListLockOuts);
        let Some(Ok(AdminReply::LockOuts(locked_out))) = f.operator_answer() else {
            panic!("the lock-outs");
        };
        let names: Vec<_> = locked_out.iter().map(|one| &*one.name).collect();
        assert_eq!(names, [format!("device/{tried}")]);

        let call = f.log_in(FROM, "eve", "right");
        f.finish_check();
        let reply = opened(&f, Some("eve"), Role::Viewer);
        f.store_answers(Ok(reply));
        assert!(f.identified(call).unwrap().is_ok());
    }
}

#[test]
fn a_network_that_fails_on_many_logins_is_penalised_by_every_door() {
    let mut f = Fixture::with_login();
    for login in ["a", "b", "eve"] {
        let call = f.log_in(FROM, login, "wrong");
        f.finish_check();
        f.identified(call).unwrap().unwrap_err();
    }
    let call = f.log_in(FROM, "eve", "right");
    assert!(f.check().is_none(), "no password is checked");
    let error = f.identified(call).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Penalised);
    f.greeted(1);
    let id = f.begin_login(1, "cam", "right");
    let error = f.answer(&id).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Penalised);
}

#[test]
fn an_unknown_login_and_an_impossible_one_cost_a_check_and_read_alike() {
    let mut errors = Vec::new();
    for (login, password) in [
        ("eve", "wrong"),
        ("nobody", "right"),
        ("a b\u{1b}", "right"),
    ] {
        let mut f = Fixture::with_login();
        let call = f.log_in(FROM, login, password);
        f.finish_check();
        errors.push(f.identified(call).unwrap().unwrap_err());
    }
    assert_eq!(errors[0].code, ErrorCode::WrongPassword);
    assert!(errors.iter().all(|error| *error == errors[0]), "{errors:?}");
}

#[test]
fn a_login_that_is_changed_during_the_check_opens_nothing() {
    let mut f = Fixture::with_login();
    let call = f.log_in(FROM, "eve", "right");
    f.finish_check();
    f.store_answers(Err(StoreError::NotFound));
    let error = f.identified(call).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::KeyRefused);
    f.admit(NEW).unwrap_err();
}

#[test]
fn a_link_opens_one_session_of_an_administrator() {
    let mut f = Fixture::new();
    let link = AccessHash::from_bytes([8; 32]);
    let purpose = Purpose::UseLink { session: NEW };
    let [first, second] = [1, 2].map(|_| f.show_secret(link, purpose));
    let reply = opened(&f, None, Role::Administrator);
    let used = f.store_answers(Ok(reply));
    let at = f.now.wall;
    let session = NEW;
    assert_eq!(
        used,
        StoreCall::Change(Change::UseLink { link, session, at })
    );
    f.store_answers(Err(StoreError::NotFound));
    assert!(matches!(
        f.identified(first),
        Some(Ok(Caller::Administrator(_)))
    ));
    let error = f.identified(second).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::KeyRefused);
    f.admit(link).unwrap_err();
}

#[test]
fn a_token_of_a_device_acts_as_that_device_at_the_http_door_alone() {
    let mut f = Fixture::with_token("device=cam");
    let cam = f.admit(TOKEN).unwrap();
    let proof = Proof::Token(TOKEN);
    let wanted = Caller::Device {
        name: name("cam"),
        proof,
        address: Some([192, 0, 2, 1].into()),
    };
    assert_eq!(cam, wanted);
    assert_eq!(cam.means(), Some(Means::Token));
    f.noted();
    f.call_by(Door::Http, cam.clone(), list_files());
    assert!(f.store_call().is_some(), "it may list its data files");
    let call = f.call_by(Door::Mqtt, cam.clone(), list_files());
    let error = f.stateless_reply(call).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::NotAllowed);
    let call = f.call_by(Door::Http, cam.clone(), Request::ListKeys);
    let error = f.stateless_reply(call).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::NotAllowed);
    f.administer(cam, Door::Http, AdminRequest::ListAccounts { after: None });
    let error = f.administrators_answer().unwrap().unwrap_err();
    assert_eq!(error.kind, AdminErrorKind::Forbidden);
}

#[test]
fn a_revoked_token_ends_at_once_with_the_calls_that_wait() {
    let mut f = Fixture::with_token("device=cam");
    let cam = f.admit(TOKEN).unwrap();
    f.noted();
    let running = f.call_by(Door::Http, cam.clone(), list_files());
    let waiting = f.call_by(Door::Http, cam.clone(), list_files());
    f.revoke_token();
    let error = f.stateless_reply(waiting).expect("a reply").unwrap_err();
    assert_eq!(error.code, ErrorCode::OutOfOrder, "it is nobody's");
    assert_eq!(f.stateless_reply(running), None, "the store is at it");
    let late = f.call_by(Door::Http, cam, list_files());
    let error = f.stateless_reply(late).expect("a reply").unwrap_err();
    assert_eq!(error.code, ErrorCode::OutOfOrder);
    f.admit(TOKEN).unwrap_err();
}

#[test]
fn what_was_read_before_a_revocation_is_read_again() {
    let mut f = Fixture::with_token("viewer");
    f.reads_wait = true;
    let call = f.show_secret(TOKEN, Purpose::Admit);
    let (operation, asked) = f.store_call().expect("a read");
    let before = f.stored.read(&asked).unwrap();
    f.revoke_token();
    f.answer_store(operation, &asked, Ok(before));
    assert_eq!(f.identified(call), None, "it is read again");
    let (operation, asked) = f.store_call().expect("another read");
    let now = f.stored.read(&asked).unwrap();
    f.answer_store(operation, &asked, Ok(now));
    f.identified(call).unwrap().unwrap_err();
}

#[test]
fn what_another_hub_revokes_ends_within_a_second() {
    let mut f = Fixture::with_token("administrator");
    let caller = f.admit(TOKEN).unwrap();
    f.stored.admissions.clear();
    f.wait(Duration::from_secs(1));
    f.administer(caller, Door::Http, AdminRequest::ListSessions);
    let error = f.administrators_answer().unwrap().unwrap_err();
    assert_eq!(error.kind, AdminErrorKind::NotAdmitted);
    f.admit(TOKEN).unwrap_err();
}

#[test]
fn a_tokens_time_and_a_sessions_idle_time_end_it() {
    let mut f = Fixture::new();
    let expires = f.now.wall.later(Duration::from_secs(10));
    f.put_token("viewer", Some(expires));
    f.admit(TOKEN).unwrap();
    f.wait(Duration::from_millis(9_999));
    f.admit(TOKEN).unwrap();
    f.wait(Duration::from_millis(1));
    f.admit(TOKEN).unwrap_err();

    f.admit(VIEWER).unwrap();
    f.wait(PAGE_SESSION_IDLE);
    f.admit(VIEWER).unwrap_err();
}

#[test]
fn a_session_of_the_page_has_an_end_however_it_is_used() {
    let short = Duration::from_millis(1);
    for (login, life) in [(Some("eve"), LOGIN_SESSION_LIFE), (None, LINK_SESSION_LIFE)] {
        let mut f = Fixture::new();
        let opened = f.now.wall;
        f.wait(life - short);
        let session = PageSession {
            login: login.map(|login| login.parse().unwrap()),
            role: Role::Viewer,
            opened,
            used: f.now.wall,
        };
        f.stored.admissions.insert(NEW, Admission::Session(session));
        let Ok(Caller::Viewer(person)) = f.admit(NEW) else {
            panic!("it has not ended yet");
        };
        assert_eq!(person.expires, Some(opened.later(life)));
        f.wait(short);
        f.admit(NEW).unwrap_err();
        f.administer(
            Caller::Viewer(person),
            Door::Http,
            AdminRequest::ListSessions,
        );
        let error = f.administrators_answer().unwrap().unwrap_err();
        assert_eq!(error.kind, AdminErrorKind::NotAdmitted);
    }
}

#[test]
fn the_last_use_is_written_once_a_minute_whatever_comes() {
    let mut f = Fixture::with_token("viewer");
    let mut writes = 0;
    for _ in 0..240 {
        for secret in [TOKEN, ADMINISTRATOR] {
            f.admit(secret).unwrap();
        }
        writes += f.noted();
        f.wait(Duration::from_millis(500));
    }
    assert!((2..=4).contains(&writes), "{writes} writes in two minutes");
}

#[test]
fn a_changed_password_and_a_removed_login_end_its_sessions() {
    let login = || "ana".parse().unwrap();
    let set = PeopleOrder::SetPassword {
        name: login(),
        password_hash: hash("new"),
    };
    for order in [set, PeopleOrder::RemoveLogin { name: login() }] {
        let mut f = Fixture::new();
        let caller = f.admit(ADMINISTRATOR).unwrap();
        f.noted();
        f.operate(AdminRequest::People(order));
        f.stored.admissions.remove(&ADMINISTRATOR);
        f.store_answers(Ok(StoreReply::Done));
        f.administer(caller, Door::Http, AdminRequest::ListSessions);
        assert_eq!(f.operator_answer(), Some(Ok(AdminReply::Done)));
        let error = f.administrators_answer().unwrap().unwrap_err();
        assert_eq!(error.kind, AdminErrorKind::NotAdmitted);
        assert!(f.admit(VIEWER).is_ok(), "another login's session stays");
    }
}

#[test]
fn sessions_that_the_operator_ends_are_known_to_be_over_at_once() {
    let of_link = AccessHash::from_bytes([6; 32]);
    let of_ana = || PageSessions::OfLogin("ana".parse().unwrap());
    for (sessions, ended) in [
        (of_ana(), vec![ADMINISTRATOR]),
        (PageSessions::OfLinks, vec![of_link]),
        (PageSessions::All, vec![ADMINISTRATOR, VIEWER, of_link]),
    ] {
        let mut f = Fixture::with_token("viewer");
        let StoreReply::Admission(Some(by_link)) = opened(&f, None, Role::Administrator) else {
            unreachable!();
        };
        f.stored.admissions.insert(of_link, by_link);
        let all = [ADMINISTRATOR, VIEWER, of_link, TOKEN];
        let callers = all.map(|secret| f.admit(secret).unwrap());
        f.noted();
        f.operate(AdminRequest::People(PeopleOrder::EndSessions(
            sessions.clone(),
        )));
        let end = Change::EndPageSessions(sessions);
        let (operation, call) = f.take_change(&end);
        f.stored
            .admissions
            .retain(|secret, _| !ended.contains(secret));
        f.answer_store(operation, &call, Ok(StoreReply::Done));
        assert_eq!(f.operator_answer(), Some(Ok(AdminReply::Done)));
        for (secret, caller) in all.into_iter().zip(callers) {
            f.administer(caller, Door::Http, AdminRequest::ListSessions);
            let reply = f.administrators_answer().unwrap();
            assert_eq!(reply.is_err(), ended.contains(&secret), "{reply:?}");
        }
    }
    let mut f = Fixture::new();
    f.operate(AdminRequest::People(PeopleOrder::EndSessions(of_ana())));
    f.store_answers(Err(StoreError::NotFound));
    let error = f.operator_answer().unwrap().unwrap_err();
    assert_eq!(error, "there is no login ana");
}

#[test]
fn a_session_is_ended_by_its_holder() {
    let mut f = Fixture::new();
    f.admit(VIEWER).unwrap();
    f.noted();
    let call = f.show_secret(VIEWER, Purpose::EndSession);
    f.stored.admissions.remove(&VIEWER);
    f.store_answers(Ok(StoreReply::Done));
    assert_eq!(f.identified(call), Some(Ok(Caller::Nobody)));
    f.admit(VIEWER).unwrap_err();
}

#[test]
fn the_tokens_of_a_device_go_with_its_account() {
    let mut f = Fixture::with_token("device=cam");
    f.admit(TOKEN).unwrap();
    f.noted();
    f.operate(AdminRequest::Change {
        name: name("cam"),
        order: AccountOrder::Remove {
            with_data: false,
            key: fleetlink_proto::IdempotencyKey::from_bits(1),
        },
    });
    f.stored.admissions.remove(&TOKEN);
    f.store_answers(Ok(StoreReply::Done));
    assert_eq!(f.operator_answer(), Some(Ok(AdminReply::Done)));
    f.operate(AdminRequest::Change {
        name: name("cam"),
        order: AccountOrder::Add(hash("new")),
    });
    f.store_answers(Ok(StoreReply::Done));
    f.admit(TOKEN).unwrap_err();
}

#[test]
fn a_token_is_for_a_device_that_there_is_and_for_no_longer_than_may_be() {
    let add = |role: &str, life: Option<Duration>| {
        AdminRequest::People(PeopleOrder::AddToken {
            hash: TOKEN,
            name: "script".parse().unwrap(),
            role: role.parse().unwrap(),
            life,
        })
    };
    let day = Duration::from_secs(24 * 3600);
    for (request, kind) in [
        (add("device=nobody", None), AdminErrorKind::NotFound),
        (add("viewer", Some(Duration::ZERO)), AdminErrorKind::Invalid),
        (add("viewer", Some(3651 * day)), AdminErrorKind::Invalid),
    ] {
        let mut f = Fixture::new();
        f.operate(request);
        let error = f.administrators_answer().unwrap().unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(f.store_call().is_none());
    }
    let mut f = Fixture::new();
    f.operate(add("device=cam", Some(90 * day)));
    let Some((_, StoreCall::Change(Change::AddToken { token, .. }))) = f.store_call() else {
        panic!("it is stored");
    };
    assert_eq!(token.expires, Some(f.now.wall.later(90 * day)));
    // Its account is removed meanwhile: the store decides.
    let mut f = Fixture::new();
    f.operate(add("device=cam", None));
    f.store_answers(Err(StoreError::NotFound));
    let error = f.administrators_answer().unwrap().unwrap_err();
    assert_eq!(error.kind, AdminErrorKind::NotFound);
    assert_eq!(error.message, "there is no account cam");
}

fn rule_name() -> RuleName {
    RuleName {
        kind: RuleKind::Quota,
        pattern: "cam-*".into(),
    }
}

#[test]
fn only_who_may_administer_changes_logins_and_tokens_and_viewers_see_them() {
    let orders = [
        PeopleOrder::RemoveLogin {
            name: "eve".parse().unwrap(),
        },
        PeopleOrder::RevokeToken { token: TokenId(1) },
        PeopleOrder::AddLink { link: NEW },
        PeopleOrder::SetRule(Rule {
            name: rule_name(),
            value: Some(1),
        }),
        PeopleOrder::RemoveRule(rule_name()),
    ];
    for order in orders {
        for (caller, door, changes) in [
            (Caller::Operator, Door::Socket, true),
            (administrator(), Door::Http, true),
            (viewer(), Door::Http, false),
            (Caller::Nobody, Door::Http, false),
            (administrator(), Door::Session, false),
            (Caller::Operator, Door::Http, false),
        ] {
            let mut f = Fixture::new();
            let case = format!("{order:?} by {caller:?}");
            f.administer(caller, door, AdminRequest::People(order.clone()));
            assert_eq!(f.store_call().is_some(), changes, "{case}");
            let refused = f.administrators_answer().is_some_and(|answer| {
                answer.is_err_and(|error| error.kind == AdminErrorKind::Forbidden)
            });
            assert_eq!(refused, !changes, "{case}");
        }
    }
    for list in [
        AdminRequest::ListLogins { after: None },
        AdminRequest::ListTokens { after: None },
        AdminRequest::ListRules,
    ] {
        let mut f = Fixture::new();
        f.administer(viewer(), Door::Http, list.clone());
        assert!(f.store_call().is_some(), "{list:?}");
    }
}

#[test]
fn no_other_door_takes_a_secret_or_a_login_of_the_page() {
    for door in [Door::Session, Door::Socket, Door::Mqtt] {
        let mut f = Fixture::with_token("viewer");
        let call = f.show_secret_by(door, TOKEN, Purpose::Admit);
        let error = f.identified(call).expect("a reply at once").unwrap_err();
        assert_eq!(error.code, ErrorCode::NotAllowed, "{door:?}");
    }
}

#[test]
fn a_hub_that_closes_waits_for_the_session_that_is_being_opened() {
    let mut f = Fixture::with_login();
    let call = f.log_in(FROM, "eve", "right");
    f.finish_check();
    f.input(Input::Close);
    assert!(!f.hub.is_drained());
    let reply = opened(&f, Some("eve"), Role::Viewer);
    f.store_answers(Ok(reply));
    assert!(f.identified(call).unwrap().is_ok());
    assert!(f.hub.is_drained());
    let call = f.log_in(FROM, "eve", "right");
    let error = f.identified(call).unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Busy);
}
