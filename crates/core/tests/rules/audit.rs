//! Audit events: who a change goes to the store with, and what is written of what changes nothing.

use std::time::Duration;

use fleetlink_core::{
    AccountOrder, Actor, ActorKind, AdminRequest, AuditAction as A, AuditEvent, Author, Caller,
    Change, DataRequest, Deleter, Door, ImportOrder, Input, Outcome, PeopleOrder, Possession,
    SessionChoice, SessionId, Settings, StoreError, TokenId,
};
use fleetlink_proto::control::{DeleteFile, Request};
use fleetlink_proto::ticket::TicketSubject;
use fleetlink_proto::{DataFile, IdempotencyKey, Version};

use crate::admission::TOKEN;
use crate::fixture::{Fixture, administrator, hash, name, settings, viewer};
use crate::keys::enrol;

const SECOND: Duration = Duration::from_secs(1);

fn add(text: &str) -> AdminRequest {
    AdminRequest::Change {
        name: name(text),
        order: AccountOrder::Add(hash("new")),
    }
}

fn delete() -> Request {
    Request::DeleteFile(DeleteFile {
        file: DataFile::numbered(1),
        key: IdempotencyKey::from_bits(1),
    })
}

fn by(kind: ActorKind, name: Option<&str>, door: Option<Door>, address: Option<[u8; 4]>) -> Author {
    Author {
        by: Actor {
            kind,
            name: name.map(Into::into),
        },
        door,
        address: address.map(Into::into),
    }
}

impl Fixture {
    /// The author of the one change that went to the store.
    fn author(&mut self) -> Author {
        assert_eq!(self.signed.len(), 1, "{:?}", self.signed);
        let (_, by) = self.signed.remove(0);
        assert_eq!(by.at, self.now.wall);
        self.effects.clear();
        by.author
    }

    /// The events without a change, once they are written.
    fn audited(&mut self) -> Vec<AuditEvent> {
        self.pass(SECOND);
        std::mem::take(&mut self.events)
    }

    fn one_audited(&mut self) -> AuditEvent {
        let mut written = self.audited();
        assert_eq!(written.len(), 1, "{written:?}");
        written.remove(0)
    }
}

fn actions(events: &[AuditEvent]) -> Vec<A> {
    events.iter().map(|event| event.action).collect()
}

#[test]
fn a_change_goes_to_the_store_with_its_caller_door_and_address() {
    let mut f = Fixture::new();
    f.operate(add("new"));
    let socket = Some(Door::Socket);
    assert_eq!(f.author(), by(ActorKind::Operator, None, socket, None));

    let http = Some(Door::Http);
    f.administer(administrator(), Door::Http, add("another"));
    let ana = by(ActorKind::Administrator, Some("ana"), http, None);
    assert_eq!(f.author(), ana);

    f.attached_from(1, "cam", [192, 0, 2, 9]);
    f.call(1, delete());
    let session = Some(Door::Session);
    let cam = by(
        ActorKind::Device,
        Some("cam"),
        session,
        Some([192, 0, 2, 9]),
    );
    assert_eq!(f.author(), cam);
    f.attached_from(2, "cam", [192, 0, 2, 8]);
    f.call_with(2, enrol(1), Possession::Proven);
    assert!(f.signed.is_empty(), "the deletion is before it");
}

#[test]
fn a_token_is_no_person_and_its_address_is_where_it_was_shown() {
    let mut f = Fixture::with_token("administrator");
    let caller = f.admit(TOKEN).unwrap();
    f.administer(caller, Door::Http, add("new"));
    let door = Some(Door::Http);
    let script = by(ActorKind::Token, Some("script"), door, Some([192, 0, 2, 1]));
    assert_eq!(f.author(), script);
}

#[test]
fn a_command_without_a_running_hub_comes_by_no_door() {
    let mut f = Fixture::new();
    let is_offline = true;
    f.restart(Settings {
        is_offline,
        ..settings()
    });
    f.operate(add("new"));
    assert_eq!(f.author(), by(ActorKind::Operator, None, None, None));
}

#[test]
fn an_import_and_retention_are_the_hub() {
    let mut f = Fixture::new();
    f.operate(AdminRequest::Change {
        name: name("given"),
        order: AccountOrder::Import(ImportOrder {
            origin: "/credentials.txt".into(),
            password_hash: hash("given"),
            before: None,
        }),
    });
    assert_eq!(f.author(), Author::hub(Some("import")));
    f.operate(AdminRequest::Data(DataRequest::Expire {
        device: name("cam"),
        file: DataFile::numbered(1),
        version: Version::at_most(1),
        key: IdempotencyKey::from_bits(1),
    }));
    let (change, _) = f.signed.pop().unwrap();
    assert!(matches!(change, Change::Delete(delete) if delete.by == Deleter::Retention));
}

#[test]
fn comings_and_goings_are_written_in_a_batch() {
    let mut f = Fixture::new();
    f.joined_from(1, "cam", [192, 0, 2, 9]);
    f.input(Input::Disconnected {
        session: SessionId(1),
    });
    assert!(f.events.is_empty(), "not one by one");
    let written = f.audited();
    assert_eq!(actions(&written), [A::Login, A::Joined, A::Left]);
    for event in &written {
        let author = by(
            ActorKind::Device,
            Some("cam"),
            Some(Door::Session),
            Some([192, 0, 2, 9]),
        );
        let found = (
            &event.by,
            event.door,
            event.address,
            event.device.as_deref(),
        );
        let wanted = (&author.by, author.door, author.address, Some("cam"));
        assert_eq!(found, wanted);
        assert_eq!((event.outcome, event.at), (Outcome::Done, f.now.wall));
    }
    let why = "left the edge network: its connection closed";
    assert_eq!(written[2].detail.as_deref(), Some(why));
}

#[test]
fn a_session_that_somebody_ends_has_two_events() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.audited();
    let end = AdminRequest::EndSessions(SessionChoice::Number(SessionId(1)));
    f.administer(administrator(), Door::Http, end);
    let written = f.audited();
    let ended = written
        .iter()
        .find(|event| event.action == A::SessionEnded)
        .unwrap();
    assert_eq!(ended.by.name.as_deref(), Some("ana"));
    assert_eq!(ended.device.as_deref(), Some("cam"));
    let left = written
        .iter()
        .find(|event| event.action == A::Left)
        .unwrap();
    assert_eq!(left.by.kind, ActorKind::Hub);
}

#[test]
fn failed_logins_lock_outs_and_penalties_are_nobody_s() {
    let mut f = Fixture::new();
    f.greeted_from(1, [192, 0, 2, 9]);
    for _ in 0..2 {
        f.login(1, "cam", "wrong").unwrap_err();
    }
    let written = f.audited();
    assert_eq!(actions(&written), [A::LoginFailed, A::LockedOut]);
    for event in &written {
        assert_eq!(
            (event.by.kind, event.device.as_deref()),
            (ActorKind::Nobody, Some("cam"))
        );
        assert_eq!(event.address, Some([192, 0, 2, 9].into()));
    }
    assert_eq!(written[0].outcome, Outcome::Refused);
    f.operate(AdminRequest::Unlock { name: name("cam") });
    let unlocked = f.one_audited();
    assert_eq!(
        (unlocked.action, unlocked.by.kind),
        (A::Unlocked, ActorKind::Operator)
    );
    for other in ["x", "y"] {
        f.login(1, other, "wrong").unwrap_err();
    }
    let written = f.audited();
    let penalty = written
        .iter()
        .find(|event| event.action == A::Penalised)
        .unwrap();
    assert_eq!(penalty.subject.as_deref(), Some("192.0.2.9"));
    let wrong = by(
        ActorKind::Nobody,
        None,
        Some(Door::Session),
        Some([192, 0, 2, 9]),
    );
    let found = (&penalty.by, penalty.door, penalty.address);
    assert_eq!(
        found,
        (&wrong.by, wrong.door, wrong.address),
        "strangers cause it"
    );
}

#[test]
fn like_failures_are_counted_and_told_at_the_end_of_the_minute() {
    let mut f = Fixture::new();
    f.greeted_from(1, [192, 0, 2, 9]);
    for _ in 0..2 {
        f.login(1, "cam", "wrong").unwrap_err();
    }
    for _ in 2..50 {
        let locked_out = f.begin_login(1, "cam", "wrong");
        f.answer(&locked_out).unwrap().unwrap_err();
    }
    let failures = |events: &[AuditEvent]| {
        let failed = |event: &&AuditEvent| event.action == A::LoginFailed;
        events.iter().filter(failed).cloned().collect::<Vec<_>>()
    };
    assert_eq!(failures(&f.audited()).len(), 1);
    f.pass(60 * SECOND);
    let told = failures(&f.audited());
    assert_eq!(told.len(), 1);
    let detail = told[0].detail.as_deref().unwrap();
    assert!(detail.contains("49 more within 60 s"), "{detail}");
}

#[test]
fn what_the_table_does_not_permit_is_written_once_a_minute() {
    let mut f = Fixture::new();
    for _ in 0..3 {
        f.administer(viewer(), Door::Http, add("new"));
    }
    let forbidden = f.one_audited();
    assert_eq!(
        (forbidden.action, forbidden.outcome),
        (A::Forbidden, Outcome::Refused)
    );
    assert_eq!(forbidden.subject.as_deref(), Some("administering the hub"));
    let viewer = by(ActorKind::Viewer, Some("vic"), Some(Door::Http), None);
    assert_eq!(forbidden.by, viewer.by);
    assert!(f.signed.is_empty());
}

#[test]
fn a_change_that_the_store_does_not_make_is_written_as_that() {
    let mut f = Fixture::new();
    let outcomes = [
        (
            StoreError::Conflict("there is one".to_owned()),
            Outcome::Refused,
        ),
        (StoreError::NotFound, Outcome::Refused),
        (StoreError::Full, Outcome::Failed),
        (StoreError::Unknown("?".to_owned()), Outcome::Failed),
    ];
    for (n, (error, outcome)) in outcomes.into_iter().enumerate() {
        f.operate(add(&format!("new-{n}")));
        f.store_answers(Err(error.clone()));
        let event = f.one_audited();
        assert_eq!((event.action, event.outcome), (A::AccountAdded, outcome));
        assert_eq!(event.detail.as_deref(), Some(&*error.to_string()));
        assert_eq!(event.by.kind, ActorKind::Operator);
    }
    let token = TokenId(9);
    let revoke = AdminRequest::People(PeopleOrder::RevokeToken { token });
    f.administer(administrator(), Door::Http, revoke);
    f.store_answers(Err(StoreError::NotFound));
    let event = f.one_audited();
    assert_eq!(
        (event.action, event.outcome),
        (A::TokenRevoked, Outcome::Refused)
    );
    assert_eq!(event.subject.as_deref(), Some("token 9"));
    assert_eq!(event.by.name.as_deref(), Some("ana"));
}

#[test]
fn everything_is_written_before_the_hub_has_drained() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.audited();
    f.input(Input::Close);
    assert_eq!(actions(&f.events), [A::Left]);
    assert!(f.hub.is_drained());
}

#[test]
fn a_secret_that_admits_nobody_is_written() {
    let mut f = Fixture::new();
    assert!(f.admit(TOKEN).is_err());
    let event = f.one_audited();
    assert_eq!(
        (event.action, event.by.kind),
        (A::PageLoginFailed, ActorKind::Nobody)
    );
    assert_eq!(event.address, Some([192, 0, 2, 1].into()));
}

#[test]
fn a_person_s_call_is_written_under_its_name_whatever_the_name_of_a_device_is() {
    let mut f = Fixture::new();
    f.greeted_from(1, [192, 0, 2, 9]);
    f.login(1, "login/ana", "wrong").unwrap_err();
    let event = f.one_audited();
    assert_eq!(
        (event.action, event.device.as_deref()),
        (A::LoginFailed, Some("device/login/ana"))
    );
    let caller = Caller::Nobody;
    f.administer(caller, Door::Http, add("new"));
    assert_eq!(f.one_audited().action, A::Forbidden);
}

#[test]
fn a_refused_use_of_a_ticket_is_nobody_s() {
    let mut f = Fixture::new();
    f.issued(0, TicketSubject::Name(name("new")), 1);
    f.audited();
    f.redeem(100, 0, None);
    f.store_answers(Err(StoreError::Conflict("it is used".to_owned())));
    let refused = f.audited();
    let refused = refused.iter().find(|event| event.action == A::TicketUsed);
    let refused = refused.expect("a record");
    let found = (refused.by.kind, refused.outcome, refused.device.as_deref());
    assert_eq!(found, (ActorKind::Nobody, Outcome::Refused, Some("new")));
}
