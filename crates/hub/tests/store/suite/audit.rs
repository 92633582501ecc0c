//! Audit records: with each change that has one, and of events without a change.

use std::net::IpAddr;

use fleetlink_core::{
    Actor, ActorKind, AuditAction as A, AuditBy, AuditEvent, AuditFilter, AuditId, AuditPlace,
    AuditRecord, Author, Door, GivenLogin, NewTicket, Outcome, PageSessions, Provenance, Rule,
    RuleKind, RuleName, TicketRoom, Token, TokenId, WebLogin,
};
use fleetlink_hub::store::Retention;
use fleetlink_proto::access::{AccessHash, Role};
use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::ticket::{TicketHash, TicketNumber, TicketSubject};
use fleetlink_proto::{DeviceKey, WallTime};

use super::*;

fn ana() -> Author {
    Author {
        by: Actor {
            kind: ActorKind::Administrator,
            name: Some("ana".into()),
        },
        door: Some(Door::Http),
        address: Some([192, 0, 2, 7].into()),
    }
}

pub(crate) async fn recorded(store: &dyn Store, change: Change) -> Result<StoreReply, StoreError> {
    let by = Provenance {
        author: ana(),
        at: AT,
    };
    store
        .execute(StoreCall::Recorded(change, Box::new(by)))
        .await
}

pub(crate) async fn find(
    store: &dyn Store,
    filter: AuditFilter,
    after: Option<AuditPlace>,
    limit: u32,
) -> Vec<AuditRecord> {
    let filter = Box::new(filter);
    let query = Query::Audit {
        filter,
        after,
        limit,
    };
    match ask(store, query).await.unwrap() {
        StoreReply::Audit(found) => found,
        other => panic!("{other:?}"),
    }
}

/// All records, oldest first.
pub(crate) async fn all(store: &dyn Store) -> Vec<AuditRecord> {
    let (filter, id) = (Box::default(), AuditId(0));
    let query = Query::AuditSince {
        filter,
        id,
        limit: 100_000,
    };
    match ask(store, query).await.unwrap() {
        StoreReply::Audit(found) => found,
        other => panic!("{other:?}"),
    }
}

fn enrolled(number: u8) -> EnrolledKey {
    EnrolledKey {
        key: DeviceKey::from_bytes([number; 32]),
        enrolled: AT,
    }
}

fn secret(number: u8) -> AccessHash {
    AccessHash::from_bytes([number; 32])
}

fn set_key(number: u8) -> Change {
    Change::SetKey {
        name: name("cam"),
        key: enrolled(number),
        replace: true,
    }
}

fn given() -> GivenLogin {
    GivenLogin {
        origin: "/credentials.txt".into(),
        name: name("given"),
        password_hash: PasswordHash::new("$test$given".to_owned()),
        gives: true,
    }
}

fn issue() -> Change {
    Change::AddTicket {
        ticket: NewTicket {
            hash: TicketHash::from_bytes([3; 32]),
            subject: TicketSubject::Name(name("new")),
            uses: 1,
            created: AT,
            expires: WallTime::from_unix_millis(i64::MAX),
        },
        room: TicketRoom {
            open: 10,
            finished: 10,
        },
    }
}

fn redeem() -> Change {
    Change::RedeemTicket {
        ticket: TicketNumber(1),
        name: name("new"),
        key: enrolled(5),
    }
}

fn add_token() -> Change {
    Change::AddToken {
        hash: secret(1),
        token: Token {
            id: TokenId::default(),
            name: "script".parse().unwrap(),
            role: "viewer".parse().unwrap(),
            created: AT,
            expires: None,
            used: None,
        },
    }
}

fn add_person() -> Change {
    Change::AddWebLogin(WebLogin {
        name: "bob".parse().unwrap(),
        role: Role::Viewer,
        password_hash: PasswordHash::new("$test$bob".to_owned()),
        created: AT,
    })
}

fn open_session() -> Change {
    Change::OpenPageSession {
        login: "bob".parse().unwrap(),
        password_hash: PasswordHash::new("$test$bob".to_owned()),
        session: secret(2),
        at: AT,
    }
}

fn rule_name() -> RuleName {
    RuleName {
        kind: RuleKind::Quota,
        pattern: "c*".into(),
    }
}

fn set_rule(value: Option<u64>) -> Change {
    Change::SetRule(Rule {
        name: rule_name(),
        value,
    })
}

/// Changes in an order in which each can be made, and the action and the subject of each.
fn changes() -> Vec<(Change, A, Option<&'static str>, Option<&'static str>)> {
    let import = Change::ImportLogin {
        given: given(),
        at: AT,
        applies: true,
    };
    let remove_login = Change::RemoveLogin {
        name: name("given"),
        origin: "/credentials.txt".into(),
    };
    let revoke_ticket = Change::RevokeTicket {
        ticket: TicketNumber(2),
        at: AT,
    };
    let mut another_ticket = issue();
    if let Change::AddTicket { ticket, .. } = &mut another_ticket {
        ticket.hash = TicketHash::from_bytes([4; 32]);
    }
    let cam = || name("cam");
    let hash = || PasswordHash::new("$test$other".to_owned());
    let password = Change::SetPassword {
        name: cam(),
        password_hash: hash(),
    };
    let web_password = Change::SetWebPassword {
        name: "bob".parse().unwrap(),
        password_hash: hash(),
    };
    let bob = || "bob".parse().unwrap();
    let link = Change::AddLink {
        link: secret(8),
        at: AT,
        expires: WallTime::from_unix_millis(i64::MAX),
    };
    let use_link = Change::UseLink {
        link: secret(8),
        session: secret(9),
        at: AT,
    };
    let (end, end_links) = (
        Change::EndPageSession { session: secret(2) },
        Change::EndPageSessions(PageSessions::OfLinks),
    );
    let token = TokenId(1);
    vec![
        (
            Change::AddAccount(account("cam")),
            A::AccountAdded,
            Some("cam"),
            None,
        ),
        (password, A::AccountPasswordChanged, Some("cam"), None),
        (set_key(1), A::KeyEnrolled, Some("cam"), None),
        (set_key(2), A::KeyReplaced, Some("cam"), None),
        (
            Change::RemoveKey { name: cam() },
            A::KeyRevoked,
            Some("cam"),
            None,
        ),
        (import, A::AccountAdded, Some("given"), None),
        (remove_login, A::AccountLoginRemoved, Some("given"), None),
        (issue(), A::TicketIssued, None, Some("ticket 1")),
        (redeem(), A::TicketUsed, Some("new"), Some("ticket 1")),
        (another_ticket, A::TicketIssued, None, Some("ticket 2")),
        (revoke_ticket, A::TicketRevoked, None, Some("ticket 2")),
        (add_person(), A::PersonAdded, None, Some("login bob")),
        (open_session(), A::PageLogin, None, Some("login bob")),
        (end, A::PageLogout, None, None),
        (
            web_password,
            A::PersonPasswordChanged,
            None,
            Some("login bob"),
        ),
        (add_token(), A::TokenMade, None, Some("token 1")),
        (
            Change::RevokeToken { token },
            A::TokenRevoked,
            None,
            Some("token 1"),
        ),
        (link, A::LinkMade, None, None),
        (use_link, A::LinkUsed, None, None),
        (end_links, A::PageLogout, None, Some("one-time links")),
        (set_rule(Some(10)), A::RuleSet, None, Some("quota c*")),
        (set_rule(None), A::RuleSet, None, Some("quota c*")),
        (
            Change::RemoveRule(rule_name()),
            A::RuleRemoved,
            None,
            Some("quota c*"),
        ),
        (
            Change::RemoveWebLogin { name: bob() },
            A::PersonRemoved,
            None,
            Some("login bob"),
        ),
        (
            Change::RemoveAccount { name: cam() },
            A::AccountRemoved,
            Some("cam"),
            None,
        ),
    ]
}

pub(crate) async fn goes_with_each_change(subject: &dyn Subject) {
    let store = subject.open();
    let mut wanted = Vec::new();
    for (change, action, device, about) in changes() {
        recorded(&*store, change.clone()).await.unwrap();
        wanted.push((action, device, about));
    }
    drop(store);
    let store = subject.open();
    let records = all(&*store).await;
    let found: Vec<_> = records
        .iter()
        .map(|AuditRecord { event, .. }| {
            (
                event.action,
                event.device.as_deref(),
                event.subject.as_deref(),
            )
        })
        .collect();
    assert_eq!(found, wanted);
    for AuditRecord { event, .. } in &records {
        let by = (event.by.kind, event.by.name.as_deref());
        let wanted = match event.action {
            // Whoever opens or ends a session shows who they are by that.
            A::TicketUsed => (ActorKind::Device, Some("new")),
            A::PageLogin => (ActorKind::Viewer, Some("bob")),
            A::PageLogout if event.subject.is_none() => (ActorKind::Viewer, Some("bob")),
            A::LinkUsed => (ActorKind::Administrator, Some("one-time link")),
            _ => (ActorKind::Administrator, Some("ana")),
        };
        assert_eq!(by, wanted, "{event:?}");
        let from = (event.at, event.door, event.address, event.outcome);
        assert_eq!(from, (AT, Some(Door::Http), ana().address, Outcome::Done));
    }
}

pub(crate) async fn tells_how_much_a_change_has_ended(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let token = |number: u8, role: &str| Change::AddToken {
        hash: secret(number),
        token: Token {
            id: TokenId::default(),
            name: "script".parse().unwrap(),
            role: role.parse().unwrap(),
            created: AT,
            expires: None,
            used: None,
        },
    };
    let open = |number: u8, hash: &str| Change::OpenPageSession {
        login: "bob".parse().unwrap(),
        password_hash: PasswordHash::new(hash.to_owned()),
        session: secret(number),
        at: AT,
    };
    let bob = || "bob".parse().unwrap();
    let password = Change::SetWebPassword {
        name: bob(),
        password_hash: PasswordHash::new("$test$other".to_owned()),
    };
    let link = Change::AddLink {
        link: secret(8),
        at: AT,
        expires: WallTime::from_unix_millis(i64::MAX),
    };
    let sessions = "ended 1 session of the page";
    for (change, detail) in [
        (token(20, "device=cam"), None),
        (token(21, "device=cam"), None),
        (token(22, "viewer"), None),
        (
            Change::RemoveAccount { name: name("cam") },
            Some("ended 2 tokens"),
        ),
        (add_person(), None),
        (open(30, "$test$bob"), None),
        (password, Some(sessions)),
        (open(31, "$test$other"), None),
        (
            Change::EndPageSessions(PageSessions::OfLogin(bob())),
            Some(sessions),
        ),
        (open(32, "$test$other"), None),
        (link, None),
        (
            Change::EndPageSessions(PageSessions::All),
            Some("ended 1 session of the page, 1 unused link"),
        ),
        (open(33, "$test$other"), None),
        (Change::RemoveWebLogin { name: bob() }, Some(sessions)),
    ] {
        recorded(&*store, change.clone()).await.unwrap();
        let records = all(&*store).await;
        let last = records.last().unwrap();
        if detail.is_some() {
            assert_eq!(last.event.detail.as_deref(), detail, "{change:?}");
        }
    }
}

pub(crate) async fn has_nothing_of_what_changed_nothing(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let count = async |wanted: usize| assert_eq!(all(&*store).await.len(), wanted);
    // Refused.
    let refused = [
        Change::AddAccount(account("CAM")),
        Change::RemoveKey { name: name("cam") },
        Change::RemoveAccount { name: name("none") },
        redeem(),
        Change::RevokeToken { token: TokenId(7) },
        Change::RemoveRule(rule_name()),
    ];
    for change in refused {
        assert!(recorded(&*store, change).await.is_err());
    }
    count(0).await;
    // Done, and without an effect.
    recorded(&*store, Change::EndPageSession { session: secret(1) })
        .await
        .unwrap();
    let remove_login = Change::RemoveLogin {
        name: name("none"),
        origin: "/x".into(),
    };
    recorded(&*store, remove_login).await.unwrap();
    let none = Change::EndPageSessions(PageSessions::All);
    recorded(&*store, none).await.unwrap();
    count(0).await;
    // The second time.
    for _ in 0..2 {
        recorded(&*store, set_key(1)).await.unwrap();
        recorded(&*store, set_rule(Some(100))).await.unwrap();
    }
    count(2).await;
    recorded(&*store, issue()).await.unwrap();
    for _ in 0..2 {
        recorded(&*store, redeem()).await.unwrap();
    }
    count(4).await;
    for (mode, records) in [(Replace, 5), (Replace, 5), (Append, 5)] {
        let bits = if mode == Append { 2 } else { 1 };
        let staged = stage(&*store, "cam", bits, b"1\n").await.unwrap();
        let commit = Commit {
            device: name("cam"),
            file: file(1),
            mode,
            key: key(bits),
            staged,
            at: AT,
        };
        recorded(&*store, Change::Commit(Box::new(commit)))
            .await
            .unwrap();
        count(records).await;
    }
    let delete = Delete {
        device: name("cam"),
        file: file(1),
        key: key(9),
        at: AT,
        by: Deleter::Retention,
        version: None,
    };
    for _ in 0..2 {
        recorded(&*store, Change::Delete(delete.clone()))
            .await
            .unwrap();
        count(6).await;
    }
    let records = all(&*store).await;
    let data = |action| {
        records
            .iter()
            .find(move |r| r.event.action == action)
            .unwrap()
    };
    let uploaded = &data(A::DataUploaded).event;
    assert_eq!(uploaded.file, Some(file(1)));
    assert_eq!(uploaded.detail.as_deref(), Some("1 samples, 2 bytes"));
    assert_eq!(
        data(A::DataDeleted).event.by,
        Author::hub(Some("retention")).by
    );
}

fn at(ms: i64) -> WallTime {
    WallTime::from_unix_millis(ms)
}

/// Events that differ in everything, their times not in order.
fn events(count: usize) -> Vec<AuditEvent> {
    let actions = [
        A::Joined,
        A::KeyEnrolled,
        A::KeyRevoked,
        A::LoginFailed,
        A::DataDeleted,
    ];
    let kinds = [
        ActorKind::Device,
        ActorKind::Nobody,
        ActorKind::Operator,
        ActorKind::Hub,
    ];
    let names = [
        "cam",
        "Uav",
        "x<img src=x onerror=alert(1)>\u{202e}\u{1b}[2J\n",
        "login/ana",
    ];
    let files = [file(1), file(2), "temperature".parse().unwrap()];
    let every = |n: usize, of: usize| n.is_multiple_of(of);
    let event = |n: usize| AuditEvent {
        at: at(i64::try_from((n * 7919) % 50).unwrap()),
        action: actions[n % 5],
        by: Actor {
            kind: kinds[(n / 2) % 4],
            name: (!every(n, 3)).then(|| names[(n / 3) % 4].into()),
        },
        door: Door::ALL.get(n % 5).copied(),
        address: every(n, 2).then(|| IpAddr::from([192, 0, 2, u8::try_from(n % 200).unwrap()])),
        device: (!every(n, 4)).then(|| names[(n / 4) % 4].into()),
        file: every(n, 3).then(|| files[(n / 6) % 3].clone()),
        subject: every(n, 7).then(|| "ticket 3".into()),
        outcome: Outcome::ALL[(n / 5) % 3],
        detail: every(n, 2).then(|| format!("no {n}").into()),
    };
    (0..count).map(event).collect()
}

async fn record(store: &dyn Store, events: &[AuditEvent]) {
    let change = StoreCall::Change(Change::Record(events.to_vec()));
    assert_eq!(store.execute(change).await, Ok(StoreReply::Done));
}

pub(crate) async fn has_events_without_a_change(subject: &dyn Subject) {
    let store = subject.open();
    let events = events(100);
    record(&*store, &events[..60]).await;
    record(&*store, &events[60..]).await;
    drop(store);
    let store = subject.open();
    let found = all(&*store).await;
    let ids: Vec<u64> = found.iter().map(|record| record.id.0).collect();
    assert_eq!(ids, (1..=100).collect::<Vec<_>>());
    let found: Vec<_> = found.into_iter().map(|record| record.event).collect();
    assert_eq!(found, events);
}

/// Whether a record fits, told without a store.
fn fits(filter: &AuditFilter, event: &AuditEvent) -> bool {
    let same = |wanted: &str, found: Option<&str>| {
        found.is_some_and(|found| found.eq_ignore_ascii_case(wanted))
    };
    filter
        .device
        .as_deref()
        .is_none_or(|wanted| same(wanted, event.device.as_deref()))
        && filter
            .file
            .as_ref()
            .is_none_or(|wanted| event.file.as_ref() == Some(wanted))
        && filter
            .actions
            .as_ref()
            .is_none_or(|wanted| wanted.contains(&event.action))
        && filter.outcome.is_none_or(|wanted| event.outcome == wanted)
        && filter.from.is_none_or(|from| event.at >= from)
        && filter.to.is_none_or(|to| event.at < to)
        && match &filter.by {
            None => true,
            Some(AuditBy::Kind(kind)) => event.by.kind == *kind,
            Some(AuditBy::Name(name)) => same(name, event.by.name.as_deref()),
        }
}

/// Every combination of these filters.
fn filters() -> Vec<AuditFilter> {
    let devices = [None, Some("CAM"), Some("nobody's")];
    let files = [None, Some(file(1)), Some("temperature".parse().unwrap())];
    let actions = [
        None,
        Some(vec![]),
        Some(vec![A::LoginFailed]),
        Some(A::beginning_with("key")),
        Some(A::ALL.to_vec()),
    ];
    let by = [
        None,
        Some(AuditBy::Name("UAV".into())),
        Some(AuditBy::Kind(ActorKind::Device)),
        Some(AuditBy::Kind(ActorKind::Nobody)),
        Some(AuditBy::Kind(ActorKind::Operator)),
    ];
    let outcomes = [None, Some(Outcome::Done), Some(Outcome::Refused)];
    let times = [(None, None), (Some(at(10)), Some(at(30)))];
    let mut all = Vec::new();
    for device in devices {
        for file in &files {
            for actions in &actions {
                for by in &by {
                    for outcome in outcomes {
                        for (from, to) in times {
                            all.push(AuditFilter {
                                device: device.map(Into::into),
                                file: file.clone(),
                                actions: actions.clone(),
                                by: by.clone(),
                                outcome,
                                from,
                                to,
                            });
                        }
                    }
                }
            }
        }
    }
    all
}

pub(crate) async fn is_found_by_every_filter(subject: &dyn Subject) {
    let store = subject.open();
    record(&*store, &events(300)).await;
    let all = all(&*store).await;
    for filter in filters() {
        let mut wanted: Vec<_> = all
            .iter()
            .filter(|r| fits(&filter, &r.event))
            .cloned()
            .collect();
        wanted.sort_by_key(|record| std::cmp::Reverse((record.event.at, record.id)));
        assert_eq!(
            find(&*store, filter.clone(), None, 1000).await,
            wanted,
            "{filter:?}"
        );
        // In pages, the last of which is empty.
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = find(&*store, filter.clone(), after, 37).await;
            let Some(last) = page.last() else { break };
            after = Some(AuditPlace {
                at: last.event.at,
                id: last.id,
            });
            paged.extend(page);
        }
        assert_eq!(paged, wanted, "{filter:?}");
    }
}

const NEVER: Retention = Retention {
    journal_age: None,
    journal_changes: None,
    data_age: None,
    rules: Vec::new(),
    data_bytes: None,
    audit_age: None,
    audit_events: None,
};

fn by(kind: ActorKind, ms: i64) -> AuditEvent {
    let mut event = AuditEvent::new(at(ms), A::Joined, Author::hub(None));
    event.by.kind = kind;
    event
}

pub(crate) async fn numbers_no_two_records_alike(subject: &dyn Subject) {
    let store = subject.open();
    record(&*store, &[by(ActorKind::Hub, 1), by(ActorKind::Hub, 2)]).await;
    let none = Retention {
        audit_events: Some(0),
        ..NEVER
    };
    store.tend(AT, none).await.unwrap();
    assert_eq!(all(&*store).await, []);
    drop(store);
    let store = subject.open();
    record(&*store, &[by(ActorKind::Hub, 3)]).await;
    assert_eq!(all(&*store).await[0].id, AuditId(3));
}

pub(crate) async fn is_bounded_by_age(subject: &dyn Subject) {
    let store = subject.open();
    let events: Vec<_> = [5000, 1000, 3000].map(|ms| by(ActorKind::Hub, ms)).to_vec();
    record(&*store, &events).await;
    let keep = Retention {
        audit_age: Some(Duration::from_secs(2)),
        ..NEVER
    };
    for (now, wanted) in [(3000, 3), (3001, 2), (5001, 1), (7001, 0)] {
        store.tend(at(now), NEVER).await.unwrap();
        store.tend(at(now), keep.clone()).await.unwrap();
        assert_eq!(all(&*store).await.len(), wanted, "at {now}");
    }
}

pub(crate) async fn is_bounded_by_number_and_keeps_strangers_apart(subject: &dyn Subject) {
    let store = subject.open();
    let keep = |count| Retention {
        audit_events: Some(count),
        ..NEVER
    };
    let known: Vec<_> = (0..40).map(|ms| by(ActorKind::Device, ms)).collect();
    record(&*store, &known).await;
    let flood: Vec<_> = (100..25_100).map(|ms| by(ActorKind::Nobody, ms)).collect();
    record(&*store, &flood).await;
    store.tend(AT, keep(100)).await.unwrap();
    let left = all(&*store).await;
    let of = |kind| {
        left.iter()
            .filter(move |record| record.event.by.kind == kind)
    };
    assert_eq!(of(ActorKind::Nobody).count(), 50);
    assert_eq!(
        of(ActorKind::Device).count(),
        40,
        "a flood pushes nothing else out"
    );
    assert_eq!(
        of(ActorKind::Nobody).next().unwrap().event.at,
        at(25_050),
        "the newest stay"
    );
    store.tend(AT, keep(60)).await.unwrap();
    let left = all(&*store).await;
    assert_eq!(left.len(), 60);
    assert_eq!(left[0].event.at, at(10), "the oldest go");
}

/// Of so many kept records, those of people: their times.
async fn of_people(store: &dyn Store, keep: u64) -> (usize, Vec<i64>) {
    let keep = Retention {
        audit_events: Some(keep),
        ..NEVER
    };
    store.tend(AT, keep).await.unwrap();
    let left = all(store).await;
    let by_person = |record: &&AuditRecord| record.event.by.kind == ActorKind::Administrator;
    let of_people = left.iter().filter(by_person);
    let times = of_people.map(|record| record.event.at.unix_millis());
    (left.len(), times.collect())
}

pub(crate) async fn of_people_outlives_whatever_devices_do(subject: &dyn Subject) {
    let store = subject.open();
    let people: Vec<_> = (0..20).map(|ms| by(ActorKind::Administrator, ms)).collect();
    record(&*store, &people).await;
    let mut started = by(ActorKind::Hub, 30);
    started.action = A::HubStarted;
    record(&*store, &[started]).await;
    let of_device = |ms| {
        let mut uploaded = by(ActorKind::Device, ms);
        uploaded.action = A::DataUploaded;
        let mut expired = by(ActorKind::Hub, ms);
        expired.action = A::DataDeleted;
        [uploaded, expired]
    };
    let flood: Vec<_> = (100..1500).flat_map(of_device).collect();
    record(&*store, &flood).await;
    let (left, people) = of_people(&*store, 100).await;
    assert_eq!((left, people.len()), (100, 20));
    let left = all(&*store).await;
    let has_started = left.iter().any(|r| r.event.action == A::HubStarted);
    assert!(has_started, "the hub's own stay too");
    assert_eq!(left.last().unwrap().event.at, at(1499), "the newest stay");
    // They alone are too many: then the oldest of them go.
    let (left, people) = of_people(&*store, 10).await;
    assert_eq!(left, 10);
    assert_eq!(people, (11..20).collect::<Vec<_>>());
}
