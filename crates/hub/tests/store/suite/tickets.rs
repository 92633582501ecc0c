//! Join tickets.

use fleetlink_core::{AccountVersion, Ticket, TicketUse, Totals};
use fleetlink_proto::DeviceKey;
use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::ticket::{TicketHash, TicketNumber, TicketSubject};

use super::*;

const HOUR: i64 = 3_600_000;

fn after(millis: i64) -> WallTime {
    WallTime::from_unix_millis(AT.unix_millis() + millis)
}

fn ticket(number: u32, subject: TicketSubject, uses: u32) -> Ticket {
    Ticket {
        number: TicketNumber(number),
        hash: TicketHash::from_bytes([u8::try_from(number).unwrap(); 32]),
        subject,
        uses,
        created: AT,
        expires: after(HOUR),
        revoked: None,
        used: Vec::new(),
    }
}

fn of_name(text: &str) -> TicketSubject {
    TicketSubject::Name(name(text))
}

fn cameras() -> TicketSubject {
    TicketSubject::Prefix("camera-".parse().unwrap())
}

fn enrolled(byte: u8) -> EnrolledKey {
    EnrolledKey {
        key: DeviceKey::from_bytes([byte; 32]),
        enrolled: after(i64::from(byte)),
    }
}

async fn issue(store: &dyn Store, ticket: &Ticket, forget: &[u32]) -> Result<(), StoreError> {
    let (ticket, forget) = (ticket.clone(), forget.iter().map(|n| TicketNumber(*n)));
    let forget = forget.collect();
    let call = StoreCall::Change(Change::AddTicket { ticket, forget });
    store.execute(call).await.map(|_| ())
}

async fn redeem(
    store: &dyn Store,
    number: u32,
    device: &str,
    key: EnrolledKey,
) -> Result<Account, StoreError> {
    let call = StoreCall::Change(Change::RedeemTicket {
        ticket: TicketNumber(number),
        name: name(device),
        key,
    });
    Ok(left(store.execute(call).await)?.expect("an account"))
}

/// All tickets, by number.
async fn tickets(store: &dyn Store) -> Result<Vec<Ticket>, StoreError> {
    let mut all: Vec<Ticket> = Vec::new();
    loop {
        let after = all.last().map(|ticket| ticket.number);
        match ask(store, Query::Tickets { after, limit: 2 }).await? {
            StoreReply::Tickets(page) if page.is_empty() => return Ok(all),
            StoreReply::Tickets(page) => all.extend(page),
            other => panic!("{other:?}"),
        }
    }
}

async fn revoke(store: &dyn Store, number: u32, at: WallTime) -> Result<StoreReply, StoreError> {
    let ticket = TicketNumber(number);
    store
        .execute(StoreCall::Change(Change::RevokeTicket { ticket, at }))
        .await
}

fn without_password(device: &str, key: EnrolledKey) -> Account {
    Account {
        name: name(device),
        password_hash: None,
        created: key.enrolled,
        key: Some(key),
        version: AccountVersion::default(),
    }
}

fn used(device: &str, key: &EnrolledKey) -> TicketUse {
    TicketUse {
        name: name(device),
        key: key.key,
        at: key.enrolled,
    }
}

pub(crate) async fn are_kept_with_their_uses(subject: &dyn Subject) {
    let store = subject.open();
    assert_eq!(tickets(&*store).await, Ok(vec![]));
    let (mut first, mut second) = (ticket(1, of_name("cam"), 1), ticket(2, cameras(), 3));
    issue(&*store, &first, &[]).await.unwrap();
    issue(&*store, &second, &[]).await.unwrap();
    is_conflict(issue(&*store, &first, &[]).await);
    let same_hash = Ticket {
        number: TicketNumber(9),
        ..first.clone()
    };
    is_conflict(issue(&*store, &same_hash, &[]).await);
    for (device, byte) in [("camera-2", 1), ("camera-1", 2)] {
        redeem(&*store, 2, device, enrolled(byte)).await.unwrap();
        second.used.push(used(device, &enrolled(byte)));
    }
    assert_eq!(revoke(&*store, 1, after(5)).await, Ok(StoreReply::Done));
    assert_eq!(revoke(&*store, 1, after(6)).await, Ok(StoreReply::Done));
    assert_eq!(revoke(&*store, 7, AT).await, Err(StoreError::NotFound));
    first.revoked = Some(after(5));
    drop(store);
    assert_eq!(tickets(&*subject.open()).await, Ok(vec![first, second]));
}

pub(crate) async fn make_accounts_and_replace_keys(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    for (number, device) in [(1, "new"), (2, "cam"), (3, "new"), (4, "NEW")] {
        issue(&*store, &ticket(number, of_name(device), 1), &[])
            .await
            .unwrap();
    }
    let made = redeem(&*store, 1, "new", enrolled(1)).await;
    assert_eq!(made, Ok(without_password("new", enrolled(1))));
    let enrolled_cam = redeem(&*store, 2, "cam", enrolled(2)).await.unwrap();
    assert_eq!(enrolled_cam.password_hash, account("cam").password_hash);
    assert_eq!(
        (enrolled_cam.created, enrolled_cam.key),
        (AT, Some(enrolled(2)))
    );
    let again = redeem(&*store, 3, "new", enrolled(3)).await.unwrap();
    assert_eq!(again.key, Some(enrolled(3)), "another key");
    is_conflict(redeem(&*store, 4, "NEW", enrolled(4)).await);
    drop(store);
    let store = subject.open();
    let all = accounts(&*store).await.unwrap();
    assert_eq!(all.len(), 2);
    let new = all.iter().find(|a| a.name == name("new")).unwrap();
    assert_eq!((&new.password_hash, &new.key), (&None, &Some(enrolled(3))));
    // What was refused has used nothing.
    assert_eq!(tickets(&*store).await.unwrap()[3].used, []);
}

pub(crate) async fn for_a_prefix_never_replace_a_key(subject: &dyn Subject) {
    let store = subject.open();
    add(&*store, "camera-1").await.unwrap();
    issue(&*store, &ticket(1, cameras(), 3), &[]).await.unwrap();
    for device in ["camera-1", "Camera-1"] {
        is_conflict(redeem(&*store, 1, device, enrolled(1)).await);
    }
    redeem(&*store, 1, "camera-2", enrolled(2)).await.unwrap();
    is_conflict(redeem(&*store, 1, "camera-2", enrolled(3)).await);
    // Nor does it make again what it has made once.
    let remove = StoreCall::Change(Change::RemoveAccount {
        name: name("camera-2"),
    });
    store.execute(remove).await.unwrap();
    is_conflict(redeem(&*store, 1, "camera-2", enrolled(2)).await);
    assert_eq!(tickets(&*store).await.unwrap()[0].used.len(), 1);
    let all = accounts(&*store).await;
    assert_eq!(all, Ok(vec![account("camera-1")]));
}

pub(crate) async fn can_no_longer_be_used_after_their_end(subject: &dyn Subject) {
    let store = subject.open();
    for number in 1..=3 {
        let ticket = ticket(number, of_name(&format!("new-{number}")), 1);
        issue(&*store, &ticket, &[]).await.unwrap();
    }
    let at = |millis| EnrolledKey {
        enrolled: after(millis),
        ..enrolled(1)
    };
    let late = redeem(&*store, 1, "new-1", at(HOUR)).await;
    assert_eq!(late, Err(StoreError::NotFound));
    redeem(&*store, 1, "new-1", at(HOUR - 1)).await.unwrap();
    revoke(&*store, 2, AT).await.unwrap();
    for number in [2, 9] {
        let refused = redeem(&*store, number, "new-2", at(1)).await;
        assert_eq!(refused, Err(StoreError::NotFound));
    }
    assert_eq!(accounts(&*store).await.unwrap().len(), 1);
}

pub(crate) async fn are_used_once_by_the_same_key(subject: &dyn Subject) {
    let store = subject.open();
    issue(&*store, &ticket(1, of_name("new"), 1), &[])
        .await
        .unwrap();
    let first = redeem(&*store, 1, "new", enrolled(1)).await.unwrap();
    revoke(&*store, 1, AT).await.unwrap();
    let later = EnrolledKey {
        enrolled: after(2 * HOUR),
        ..enrolled(1)
    };
    assert_eq!(redeem(&*store, 1, "new", later.clone()).await, Ok(first));
    let other = redeem(&*store, 1, "new", enrolled(2)).await;
    assert_eq!(other, Err(StoreError::NotFound));
    let remove = StoreCall::Change(Change::RemoveKey { name: name("new") });
    store.execute(remove).await.unwrap();
    let gone = redeem(&*store, 1, "new", later).await;
    assert_eq!(gone, Err(StoreError::NotFound), "a revoked key stays so");
}

/// A hundred at once: by one name and by a name each.
pub(crate) async fn have_no_more_winners_than_uses(subject: &dyn Subject) {
    for (uses, names) in [(1, 1), (1, 100), (7, 100)] {
        let store = subject.open();
        let number = uses * 100 + names;
        let ticket = Ticket {
            number: TicketNumber(number),
            hash: TicketHash::from_bytes([u8::try_from(uses + names).unwrap(); 32]),
            ..ticket(
                1,
                TicketSubject::Prefix(format!("d{number}-").parse().unwrap()),
                uses,
            )
        };
        issue(&*store, &ticket, &[]).await.unwrap();
        let before = accounts(&*store).await.unwrap().len();
        let attempts: Vec<_> = (0..100u8)
            .map(|n| {
                let store = Arc::clone(&store);
                let device = format!("d{number}-{}", u32::from(n) % names);
                tokio::spawn(async move { redeem(&*store, number, &device, enrolled(n)).await })
            })
            .collect();
        let mut winners = 0;
        for attempt in attempts {
            match attempt.await.unwrap() {
                Ok(_) => winners += 1,
                Err(StoreError::NotFound | StoreError::Conflict(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(winners, uses);
        let all = accounts(&*store).await.unwrap();
        assert_eq!(all.len() - before, usize::try_from(uses).unwrap());
    }
}

pub(crate) async fn are_forgotten(subject: &dyn Subject) {
    let store = subject.open();
    issue(&*store, &ticket(1, of_name("new"), 1), &[])
        .await
        .unwrap();
    redeem(&*store, 1, "new", enrolled(1)).await.unwrap();
    issue(&*store, &ticket(2, cameras(), 1), &[1, 8])
        .await
        .unwrap();
    assert_eq!(tickets(&*store).await, Ok(vec![ticket(2, cameras(), 1)]));
    let refused = redeem(&*store, 1, "new", enrolled(1)).await;
    assert_eq!(refused, Err(StoreError::NotFound));
    assert_eq!(
        accounts(&*store).await.unwrap().len(),
        1,
        "its account stays"
    );
}

pub(crate) async fn are_found_by_number_and_hash(subject: &dyn Subject) {
    let store = subject.open();
    let mut issued = ticket(3, cameras(), 2);
    issue(&*store, &ticket(2, of_name("cam"), 1), &[])
        .await
        .unwrap();
    issue(&*store, &issued, &[]).await.unwrap();
    redeem(&*store, 3, "camera-1", enrolled(1)).await.unwrap();
    issued.used.push(used("camera-1", &enrolled(1)));
    for query in [Query::Ticket(TicketNumber(3)), Query::TicketOf(issued.hash)] {
        let found = Some(Box::new(issued.clone()));
        assert_eq!(ask(&*store, query).await, Ok(StoreReply::Ticket(found)));
    }
    for query in [
        Query::Ticket(TicketNumber(4)),
        Query::TicketOf(TicketHash::from_bytes([9; 32])),
    ] {
        assert_eq!(ask(&*store, query).await, Ok(StoreReply::Ticket(None)));
    }
}

pub(crate) async fn are_counted_while_open(subject: &dyn Subject) {
    let store = subject.open();
    for (number, subject, uses) in [(1, of_name("cam"), 1), (2, cameras(), 2), (3, cameras(), 1)] {
        issue(&*store, &ticket(number, subject, uses), &[])
            .await
            .unwrap();
    }
    let open = |at: WallTime| {
        let store = &store;
        async move {
            match ask(&**store, Query::Totals { at }).await {
                Ok(StoreReply::Totals(Totals { open_tickets, .. })) => open_tickets,
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(open(AT).await, 3);
    revoke(&*store, 3, AT).await.unwrap();
    assert_eq!(open(AT).await, 2);
    redeem(&*store, 1, "cam", enrolled(1)).await.unwrap();
    redeem(&*store, 2, "camera-1", enrolled(1)).await.unwrap();
    assert_eq!(open(AT).await, 1, "one use is left");
    assert_eq!(open(after(HOUR)).await, 0);
}
