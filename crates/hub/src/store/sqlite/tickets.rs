//! The tables of tickets and of their uses.

use fleetlink_core::{
    Account, AccountVersion, NewTicket, StoreError, Ticket, TicketRoom, TicketStanding, TicketUse,
};
use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::ticket::{NamePrefix, TicketHash, TicketNumber, TicketSubject};
use fleetlink_proto::{DeviceKey, DeviceName, WallTime};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::{OpError, damaged};
use super::{accounts, imports};

const COLUMNS: &str = "number, hash, subject, is_prefix, uses, created_ms, expires_ms, revoked_ms";

/// A page of tickets: at most `limit`, behind this number.
pub(super) fn page(
    connection: &Connection,
    after: Option<TicketNumber>,
    limit: u32,
) -> Result<Vec<Ticket>, OpError> {
    let sql = format!("SELECT {COLUMNS} FROM tickets WHERE number > ?1 ORDER BY number LIMIT ?2");
    let mut select = connection.prepare_cached(&sql)?;
    let after = after.map_or(-1, |number| i64::from(number.0));
    let rows = select.query_map([after, i64::from(limit)], stored)?;
    rows.map(|row| read(connection, row?)).collect()
}

/// The number of tickets that can be used at this time.
pub(super) fn count_open(connection: &Connection, at: WallTime) -> Result<u64, OpError> {
    let sql = format!("SELECT count(*) FROM tickets WHERE NOT {IS_FINISHED}");
    let mut select = connection.prepare_cached(&sql)?;
    Ok(select.query_row([at.unix_millis()], |row| row.get(0))?)
}

/// A ticket of the table `tickets` that cannot be used at the time `?1`.
const IS_FINISHED: &str = "(expires_ms <= ?1 OR revoked_ms IS NOT NULL OR uses <= \
     (SELECT count(*) FROM ticket_uses WHERE ticket = number))";

/// Adds a ticket under the next number and forgets the finished ones that are too many; `None` where as
/// many as may be are open.
pub(super) fn add(
    connection: &Connection,
    new: &NewTicket,
    room: TicketRoom,
) -> Result<Option<Ticket>, OpError> {
    let mut select = connection.prepare_cached("SELECT 1 FROM tickets WHERE hash = ?1")?;
    if select.exists([new.hash.as_bytes()])? {
        let message = "there is a ticket of this secret already".to_owned();
        return Err(StoreError::Conflict(message).into());
    }
    let at = new.created;
    let open = count_open(connection, at)?;
    if open >= u64::try_from(room.open).unwrap_or(u64::MAX) {
        return Ok(None);
    }
    let sql = "SELECT count(*), ifnull(max(number), 0) FROM tickets";
    let mut select = connection.prepare_cached(sql)?;
    let (all, last): (u64, u32) = select.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let finished = usize::try_from(all - open).unwrap_or(usize::MAX);
    forget(connection, at, (finished + 1).saturating_sub(room.finished))?;
    let none_left = || StoreError::Conflict("no number of a ticket is left".to_owned());
    let number = last.checked_add(1).ok_or_else(none_left)?;
    let ticket = new.clone().numbered(TicketNumber(number));
    insert(connection, &ticket)?;
    Ok(Some(ticket))
}

/// Forgets so many of the tickets that are finished at this time, the oldest first.
fn forget(connection: &Connection, at: WallTime, excess: usize) -> Result<(), OpError> {
    if excess == 0 {
        return Ok(());
    }
    let sql = format!("SELECT number FROM tickets WHERE {IS_FINISHED} ORDER BY number LIMIT ?2");
    let mut select = connection.prepare_cached(&sql)?;
    let excess = i64::try_from(excess).unwrap_or(i64::MAX);
    let oldest = select.query_map([at.unix_millis(), excess], |row| row.get(0))?;
    let oldest: Vec<u32> = oldest.collect::<Result<_, _>>()?;
    for number in oldest {
        for sql in [
            "DELETE FROM ticket_uses WHERE ticket = ?1",
            "DELETE FROM tickets WHERE number = ?1",
        ] {
            connection.prepare_cached(sql)?.execute([number])?;
        }
    }
    Ok(())
}

fn insert(connection: &Connection, ticket: &Ticket) -> Result<(), OpError> {
    let (subject, is_prefix) = match &ticket.subject {
        TicketSubject::Name(name) => (name.as_str(), false),
        TicketSubject::Prefix(prefix) => (prefix.as_str(), true),
    };
    let mut insert = connection.prepare_cached(
        "INSERT INTO tickets (number, hash, subject, is_prefix, uses, created_ms, expires_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    insert.execute(params![
        ticket.number.0,
        ticket.hash.as_bytes(),
        subject,
        is_prefix,
        ticket.uses,
        ticket.created.unix_millis(),
        ticket.expires.unix_millis(),
    ])?;
    Ok(())
}

/// Revokes a ticket, if it can be used at this time; the ticket as it is then.
pub(super) fn revoke(
    connection: &Connection,
    number: TicketNumber,
    at: WallTime,
) -> Result<Ticket, OpError> {
    let mut ticket = find(connection, number)?.ok_or(StoreError::NotFound)?;
    if ticket.standing(at) == TicketStanding::Open {
        let sql = "UPDATE tickets SET revoked_ms = ?2 WHERE number = ?1";
        let mut update = connection.prepare_cached(sql)?;
        update.execute(params![number.0, at.unix_millis()])?;
        ticket.revoked = Some(at);
    }
    Ok(ticket)
}

/// The first name of this prefix and a number, from this one on, for which there is no account and for
/// which this ticket was not used.
pub(super) fn free_name(
    connection: &Connection,
    ticket: TicketNumber,
    prefix: &NamePrefix,
    from: u32,
) -> Result<Option<DeviceName>, OpError> {
    let mut select = connection.prepare_cached(
        "SELECT 1 FROM accounts WHERE folded = ?1
         UNION ALL SELECT 1 FROM ticket_uses WHERE ticket = ?2 AND name = ?3",
    )?;
    for name in (from..u32::MAX).map_while(|number| prefix.numbered(number)) {
        if !select.exists(params![name.folded(), ticket.0, name.as_str()])? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Uses a ticket, unless this use was made before.
pub(super) fn redeem(
    connection: &Connection,
    number: TicketNumber,
    name: &DeviceName,
    key: &EnrolledKey,
) -> Result<(), OpError> {
    let ticket = find(connection, number)?.ok_or(StoreError::NotFound)?;
    let account = accounts::find(connection, name)?;
    let own_key = account.as_ref().and_then(|account| account.key.as_ref());
    let has_key = own_key.is_some_and(|own| own.key == key.key);
    let before = ticket.used.iter().find(|used| used.name == *name);
    match (before, &account) {
        (Some(before), Some(_)) if before.key == key.key && has_key => return Ok(()),
        _ if ticket.standing(key.enrolled) != TicketStanding::Open => {
            return Err(StoreError::NotFound.into());
        }
        (Some(_), _) => return Err(taken(name)),
        (None, Some(_)) if matches!(ticket.subject, TicketSubject::Prefix(_)) => {
            return Err(taken(name));
        }
        (None, _) => {}
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO ticket_uses (ticket, name, device_key, at_ms) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let at = key.enrolled.unix_millis();
    insert.execute(params![number.0, name.as_str(), key.key.as_bytes(), at])?;
    match account {
        Some(_) => accounts::set_key(connection, name, key, true)?,
        None => {
            let account = Account {
                name: name.clone(),
                password_hash: None,
                created: key.enrolled,
                key: Some(key.clone()),
                version: AccountVersion::default(),
            };
            accounts::add(connection, &account)?;
            imports::disown(connection, name)?;
        }
    }
    Ok(())
}

fn taken(name: &DeviceName) -> OpError {
    StoreError::Conflict(format!("there is an account {name}")).into()
}

pub(super) fn find(
    connection: &Connection,
    number: TicketNumber,
) -> Result<Option<Ticket>, OpError> {
    let sql = format!("SELECT {COLUMNS} FROM tickets WHERE number = ?1");
    let mut select = connection.prepare_cached(&sql)?;
    let row = select.query_row([number.0], stored).optional()?;
    row.map(|row| read(connection, row)).transpose()
}

pub(super) fn find_by_hash(
    connection: &Connection,
    hash: &TicketHash,
) -> Result<Option<Ticket>, OpError> {
    let sql = format!("SELECT {COLUMNS} FROM tickets WHERE hash = ?1");
    let mut select = connection.prepare_cached(&sql)?;
    let row = select.query_row([hash.as_bytes()], stored).optional()?;
    row.map(|row| read(connection, row)).transpose()
}

/// A row as it is stored.
struct StoredTicket {
    number: u32,
    hash: Vec<u8>,
    subject: String,
    is_prefix: bool,
    uses: u32,
    created: i64,
    expires: i64,
    revoked: Option<i64>,
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredTicket> {
    Ok(StoredTicket {
        number: row.get(0)?,
        hash: row.get(1)?,
        subject: row.get(2)?,
        is_prefix: row.get(3)?,
        uses: row.get(4)?,
        created: row.get(5)?,
        expires: row.get(6)?,
        revoked: row.get(7)?,
    })
}

fn read(connection: &Connection, row: StoredTicket) -> Result<Ticket, OpError> {
    let unreadable = || damaged("a ticket");
    let hash = <[u8; 32]>::try_from(row.hash).map_err(|_| unreadable())?;
    let subject = match row.is_prefix {
        true => TicketSubject::Prefix(row.subject.parse().map_err(|_| unreadable())?),
        false => TicketSubject::Name(row.subject.parse().map_err(|_| unreadable())?),
    };
    Ok(Ticket {
        number: TicketNumber(row.number),
        hash: TicketHash::from_bytes(hash),
        subject,
        uses: row.uses,
        created: WallTime::from_unix_millis(row.created),
        expires: WallTime::from_unix_millis(row.expires),
        revoked: row.revoked.map(WallTime::from_unix_millis),
        used: uses(connection, row.number)?,
    })
}

fn uses(connection: &Connection, ticket: u32) -> Result<Vec<TicketUse>, OpError> {
    let mut select = connection.prepare_cached(
        "SELECT name, device_key, at_ms FROM ticket_uses WHERE ticket = ?1 ORDER BY at_ms, name",
    )?;
    let rows = select.query_map([ticket], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, Vec<u8>>(1)?,
            row.get(2)?,
        ))
    })?;
    rows.map(|row| {
        let (name, key, at) = row?;
        let key = <[u8; 32]>::try_from(key).map_err(|_| damaged("the use of a ticket"))?;
        Ok(TicketUse {
            name: name.parse().map_err(|_| damaged("the use of a ticket"))?,
            key: DeviceKey::from_bytes(key),
            at: WallTime::from_unix_millis(at),
        })
    })
    .collect()
}
