//! Join tickets.

use std::collections::BTreeSet;

use fleetlink_core::{AccountVersion, NewTicket, Ticket, TicketRoom, TicketUse, Totals};
use fleetlink_proto::DeviceKey;
use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::ticket::{TicketHash, TicketNumber, TicketSubject};

use super::*;

const HOUR: i64 = 3_600_000;

fn after(millis: i64) -> WallTime {
    WallTime::from_unix_millis(AT.unix_millis() + millis)
}

const ROOM: TicketRoom = TicketRoom {
    open: 100,
    finished: 100,
};

fn ticket(secret: u8, subject: TicketSubject, uses: u32) -> NewTicket {
    NewTicket {
        hash: TicketHash::from_bytes([secret; 32]),
        subject,
        uses,
        created: AT,
        expires: after(HOUR),
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

/// Issues a ticket; `None` where as many as may be are open.
async fn issue_within(
    store: &dyn Store,
    ticket: &NewTicket,
    room: TicketRoom,
) -> Result<Option<Ticket>, StoreError> {
    let ticket = ticket.clone();
    let call = StoreCall::Change(Change::AddTicket { ticket, room });
    match store.execute(call).await? {
        StoreReply::Ticket(ticket) => Ok(ticket.map(|ticket| *ticket)),
        other => panic!("{other:?}"),
    }
}

async fn issue(store: &dyn Store, ticket: &NewTicket) -> Result<Ticket, StoreError> {
    let issued = issue_within(store, ticket, ROOM).await?;
    Ok(issued.expect("there is room"))
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

/// Revokes a ticket; as it is then.
async fn revoke(store: &dyn Store, number: u32, at: WallTime) -> Result<Ticket, StoreError> {
    let ticket = TicketNumber(number);
    let call = StoreCall::Change(Change::RevokeTicket { ticket, at });
    match store.execute(call).await? {
        StoreReply::Ticket(Some(ticket)) => Ok(*ticket),
        other => panic!("{other:?}"),
    }
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
    let news = [ticket(1, of_name("cam"), 1), ticket(2, cameras(), 3)];
    let [mut first, mut second] =
        [1, 2].map(|n| news[n as usize - 1].clone().numbered(TicketNumber(n)));
    assert_eq!(issue(&*store, &news[0]).await, Ok(first.clone()));
    assert_eq!(issue(&*store, &news[1]).await, Ok(second.clone()));
    is_conflict(issue(&*store, &news[0]).await);
    for (device, byte) in [("camera-2", 1), ("camera-1", 2)] {
        redeem(&*store, 2, device, enrolled(byte)).await.unwrap();
        second.used.push(used(device, &enrolled(byte)));
    }
    first.revoked = Some(after(5));
    for at in [5, 6] {
        assert_eq!(revoke(&*store, 1, after(at)).await, Ok(first.clone()));
    }
    assert_eq!(revoke(&*store, 7, AT).await, Err(StoreError::NotFound));
    drop(store);
    assert_eq!(tickets(&*subject.open()).await, Ok(vec![first, second]));
}

pub(crate) async fn make_accounts_and_replace_keys(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    for (number, device) in [(1, "new"), (2, "cam"), (3, "new"), (4, "NEW")] {
        issue(&*store, &ticket(number, of_name(device), 1))
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
    issue(&*store, &ticket(1, cameras(), 3)).await.unwrap();
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
    for number in 1..=3u8 {
        let ticket = ticket(number, of_name(&format!("new-{number}")), 1);
        issue(&*store, &ticket).await.unwrap();
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
    issue(&*store, &ticket(1, of_name("new"), 1)).await.unwrap();
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
        let prefix = format!("d{}-", uses * 100 + names);
        let secret = u8::try_from(uses + names).unwrap();
        let subject = TicketSubject::Prefix(prefix.parse().unwrap());
        let issued = issue(&*store, &ticket(secret, subject, uses))
            .await
            .unwrap();
        let number = issued.number.0;
        let before = accounts(&*store).await.unwrap().len();
        let attempts: Vec<_> = (0..100u8)
            .map(|n| {
                let store = Arc::clone(&store);
                let device = format!("{prefix}{}", u32::from(n) % names);
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

/// The oldest of those that are used, revoked or expired make room; those that are open stay.
pub(crate) async fn are_forgotten(subject: &dyn Subject) {
    let store = subject.open();
    let room = TicketRoom {
        open: 2,
        finished: 2,
    };
    let next = |secret: u8, at| NewTicket {
        created: after(at),
        expires: after(at + HOUR),
        ..ticket(secret, of_name(&format!("new-{secret}")), 1)
    };
    let mut numbers = Vec::new();
    for secret in 1..=2 {
        let issued = issue_within(&*store, &next(secret, 0), room).await;
        numbers.push(issued.unwrap().expect("there is room").number);
    }
    assert_eq!(issue_within(&*store, &next(3, 0), room).await, Ok(None));
    redeem(&*store, 1, "new-1", enrolled(1)).await.unwrap();
    let issued = issue_within(&*store, &next(3, 1), room).await;
    numbers.push(issued.unwrap().expect("a used one leaves room").number);
    revoke(&*store, 3, after(2)).await.unwrap();
    // 1 is used, 3 revoked, and 2 open; then 2 has expired.
    let issued = issue_within(&*store, &next(4, 3), room).await;
    numbers.push(issued.unwrap().expect("a revoked one leaves room").number);
    assert!(numbers.iter().copied().eq((1..=4).map(TicketNumber)));
    let left = tickets(&*store).await.unwrap();
    let left: Vec<_> = left.iter().map(|ticket| ticket.number.0).collect();
    assert_eq!(left, [2, 3, 4]);
    issue_within(&*store, &next(5, HOUR), room).await.unwrap();
    let left = tickets(&*store).await.unwrap();
    let left: Vec<_> = left.iter().map(|ticket| ticket.number.0).collect();
    assert_eq!(
        left,
        [3, 4, 5],
        "one that is open at the time makes no room"
    );
    let refused = redeem(&*store, 1, "new-1", enrolled(1)).await;
    assert_eq!(refused, Err(StoreError::NotFound));
    assert_eq!(
        accounts(&*store).await.unwrap().len(),
        1,
        "its account stays"
    );
    // No number is used again, also after a restart and where no older ticket is left.
    let one = TicketRoom {
        open: 100,
        finished: 1,
    };
    for secret in 6..=8 {
        issue_within(&*store, &next(secret, i64::from(secret) * 2 * HOUR), one)
            .await
            .unwrap();
    }
    drop(store);
    let store = subject.open();
    let issued = issue_within(&*store, &next(9, 100 * HOUR), one).await;
    assert_eq!(issued.unwrap().unwrap().number, TicketNumber(9));
    assert_eq!(tickets(&*store).await.unwrap().len(), 1);
}

/// Many at once, as two hubs would: each gets a number of its own, and no more than may be are open.
pub(crate) async fn are_numbered_and_bounded_in_parallel(subject: &dyn Subject) {
    let store = subject.open();
    let room = TicketRoom {
        open: 30,
        finished: 100,
    };
    let issued: Vec<_> = (0..50u8)
        .map(|secret| {
            let store = Arc::clone(&store);
            tokio::spawn(
                async move { issue_within(&*store, &ticket(secret, cameras(), 1), room).await },
            )
        })
        .collect();
    let mut numbers = BTreeSet::new();
    for issued in issued {
        numbers.extend(issued.await.unwrap().unwrap().map(|ticket| ticket.number));
    }
    assert!(numbers.into_iter().eq((1..=30).map(TicketNumber)));
}

/// A use and a revocation at once: the one or the other.
pub(crate) async fn are_either_used_or_revoked(subject: &dyn Subject) {
    let store = subject.open();
    for secret in 1..=20u8 {
        let device = format!("new-{secret}");
        let issued = issue(&*store, &ticket(secret, of_name(&device), 1))
            .await
            .unwrap();
        let number = issued.number.0;
        let revoking = {
            let store = Arc::clone(&store);
            tokio::spawn(async move { revoke(&*store, number, after(1)).await.unwrap() })
        };
        let using = {
            let store = Arc::clone(&store);
            tokio::spawn(async move { redeem(&*store, number, &device, enrolled(secret)).await })
        };
        let (revoked, used) = (revoking.await.unwrap(), using.await.unwrap());
        match used {
            Ok(_) => assert_eq!((revoked.used.len(), revoked.revoked), (1, None)),
            Err(error) => {
                assert_eq!(error, StoreError::NotFound);
                assert_eq!((revoked.used.len(), revoked.revoked), (0, Some(after(1))));
            }
        }
    }
    // Nor does one that has expired become a revoked one.
    let issued = issue(&*store, &ticket(99, of_name("late"), 1))
        .await
        .unwrap();
    let after = revoke(&*store, issued.number.0, after(HOUR)).await;
    assert_eq!(after, Ok(issued));
}

/// The first name that neither an account nor a use of the ticket has.
pub(crate) async fn tell_a_free_name(subject: &dyn Subject) {
    let store = subject.open();
    for device in ["camera-1", "CAMERA-2", "camera-10"] {
        add(&*store, device).await.unwrap();
    }
    for secret in [1, 2] {
        issue(&*store, &ticket(secret, cameras(), 5)).await.unwrap();
    }
    for device in ["camera-3", "camera-4"] {
        redeem(&*store, 1, device, enrolled(1)).await.unwrap();
        let remove = StoreCall::Change(Change::RemoveAccount { name: name(device) });
        store.execute(remove).await.unwrap();
    }
    for (number, from, free) in [
        (1, 1, "camera-5"),
        (1, 6, "camera-6"),
        (1, 10, "camera-11"),
        (2, 1, "camera-3"),
        (9, 1, "camera-3"),
    ] {
        let query = Query::FreeName {
            ticket: TicketNumber(number),
            prefix: "camera-".parse().unwrap(),
            from,
        };
        let found = ask(&*store, query).await;
        assert_eq!(found, Ok(StoreReply::FreeName(Some(name(free)))));
    }
}

pub(crate) async fn are_found_by_number_and_hash(subject: &dyn Subject) {
    let store = subject.open();
    issue(&*store, &ticket(1, of_name("cam"), 1)).await.unwrap();
    let mut issued = issue(&*store, &ticket(2, cameras(), 2)).await.unwrap();
    redeem(&*store, 2, "camera-1", enrolled(1)).await.unwrap();
    issued.used.push(used("camera-1", &enrolled(1)));
    for query in [Query::Ticket(TicketNumber(2)), Query::TicketOf(issued.hash)] {
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
        issue(&*store, &ticket(number, subject, uses))
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
