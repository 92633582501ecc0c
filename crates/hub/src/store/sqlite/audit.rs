//! The table of audit records. Its indexes answer every filter without looking at all records.

use fleetlink_core::{
    Actor, ActorKind, AuditAction, AuditBy, AuditEvent, AuditFilter, AuditId, AuditPlace,
    AuditRecord, Door, Outcome,
};
use fleetlink_proto::{DataFile, WallTime};
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, Row, ToSql, params};

use super::data_file::{self, Column};
use super::error::{OpError, damaged};
use super::limits::AUDIT_STEP;

const COLUMNS: &str = "id, at_ms, action, by_kind, by_name, door, address, device, file, subject, \
                       outcome, detail";

/// Adds an event; it gets its number here.
pub(super) fn add(connection: &Connection, event: &AuditEvent) -> Result<(), OpError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO audit_events (at_ms, action, by_kind, by_name, door, address, device, file, \
         subject, outcome, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    insert.execute(params![
        event.at.unix_millis(),
        event.action.as_str(),
        event.by.kind.as_str(),
        event.by.name,
        event.door.map(Door::as_str),
        event.address.map(|address| address.to_string()),
        event.device,
        event.file.as_ref().map(Column),
        event.subject,
        event.outcome.as_str(),
        event.detail,
    ])?;
    Ok(())
}

/// A page of records, newest first, behind this place.
pub(super) fn page(
    connection: &Connection,
    filter: &AuditFilter,
    after: Option<AuditPlace>,
    limit: u32,
) -> Result<Vec<AuditRecord>, OpError> {
    let conditions = Conditions::of(filter).behind(after);
    // Each action has its own part of the index, so each is asked for its newest records.
    let parts: Vec<Conditions<'_>> = match &filter.actions {
        None => vec![conditions],
        Some(actions) => {
            let of = |action: &AuditAction| conditions.clone().action(*action);
            actions.iter().map(of).collect()
        }
    };
    let mut found = Vec::new();
    for part in parts {
        let sql = format!(
            "SELECT {COLUMNS} FROM audit_events INDEXED BY {} WHERE {} \
             ORDER BY at_ms DESC, id DESC LIMIT ?1",
            part.index,
            part.text()
        );
        found.extend(select(connection, &sql, &limit, &part)?);
    }
    found.sort_by_key(|record| std::cmp::Reverse((record.event.at, record.id)));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// The records behind this number, oldest first.
pub(super) fn since(
    connection: &Connection,
    filter: &AuditFilter,
    id: AuditId,
    limit: u32,
) -> Result<Vec<AuditRecord>, OpError> {
    let mut conditions = Conditions::of(filter);
    conditions.add(
        "id > ?",
        Value::Number(i64::try_from(id.0).unwrap_or(i64::MAX)),
    );
    let sql = format!(
        "SELECT {COLUMNS} FROM audit_events NOT INDEXED WHERE {} ORDER BY id",
        conditions.text()
    );
    let fits = |record: &AuditRecord| {
        let actions = filter.actions.as_ref();
        actions.is_none_or(|actions| actions.contains(&record.event.action))
    };
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query(conditions.with(&0).as_slice())?;
    let mut found = Vec::new();
    while found.len() < usize::try_from(limit).unwrap_or(usize::MAX)
        && let Some(row) = rows.next()?
    {
        found.extend(Some(read(row)?).filter(fits));
    }
    Ok(found)
}

fn select(
    connection: &Connection,
    sql: &str,
    limit: &u32,
    conditions: &Conditions<'_>,
) -> Result<Vec<AuditRecord>, OpError> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(conditions.with(limit).as_slice())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<AuditRecord, OpError> {
    let word = |column: usize| row.get::<_, String>(column);
    let odd = || damaged("an audit record");
    let door: Option<String> = row.get(5)?;
    let address: Option<String> = row.get(6)?;
    let has_file = !matches!(row.get_ref(8)?, rusqlite::types::ValueRef::Null);
    let event = AuditEvent {
        at: WallTime::from_unix_millis(row.get(1)?),
        action: AuditAction::of_word(&word(2)?).ok_or_else(odd)?,
        by: Actor {
            kind: ActorKind::of_word(&word(3)?).ok_or_else(odd)?,
            name: row.get(4)?,
        },
        door: match door {
            Some(door) => Some(Door::of_word(&door).ok_or_else(odd)?),
            None => None,
        },
        address: match address {
            Some(address) => Some(address.parse().map_err(|_| odd())?),
            None => None,
        },
        device: row.get(7)?,
        file: has_file.then(|| data_file::read(row, 8)).transpose()?,
        subject: row.get(9)?,
        outcome: Outcome::of_word(&word(10)?).ok_or_else(odd)?,
        detail: row.get(11)?,
    };
    let id = u64::try_from(row.get::<_, i64>(0)?).map_err(|_| odd())?;
    Ok(AuditRecord {
        id: AuditId(id),
        event,
    })
}

/// The conditions of a query, and the index that leads to the fewest records.
#[derive(Clone)]
struct Conditions<'a> {
    texts: Vec<&'static str>,
    values: Vec<Value<'a>>,
    index: &'static str,
}

#[derive(Clone)]
enum Value<'a> {
    Number(i64),
    Text(&'a str),
    File(&'a DataFile),
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Value::Number(number) => number.to_sql(),
            Value::Text(text) => text.to_sql(),
            Value::File(file) => Ok(data_file::value(file)),
        }
    }
}

impl<'a> Conditions<'a> {
    fn of(filter: &'a AuditFilter) -> Self {
        let mut all = Conditions {
            texts: Vec::new(),
            values: Vec::new(),
            index: "audit_by_time",
        };
        // The last index that is named is the one that is used.
        if let Some(outcome) = filter.outcome {
            all.add("outcome = ?", Value::Text(outcome.as_str()));
            if outcome != Outcome::Done {
                all.texts.push("outcome <> 'done'");
                all.index = "audit_by_outcome";
            }
        }
        match &filter.by {
            Some(AuditBy::Kind(kind)) => {
                all.add("by_kind = ?", Value::Text(kind.as_str()));
                match kind {
                    ActorKind::Device => {}
                    ActorKind::Nobody => {
                        all.texts.push("by_kind = 'nobody'");
                        all.index = "audit_of_strangers";
                    }
                    _ => {
                        all.texts.push("by_kind NOT IN ('device', 'nobody')");
                        all.index = "audit_by_kind";
                    }
                }
            }
            Some(AuditBy::Name(name)) => {
                all.add("by_name = ?", Value::Text(name));
                all.index = "audit_by_name";
            }
            None => {}
        }
        if let Some(device) = &filter.device {
            all.add("device = ?", Value::Text(device));
            all.index = "audit_by_device";
        }
        if let Some(file) = &filter.file {
            all.add("file = ?", Value::File(file));
            all.index = "audit_by_file";
        }
        if let Some(from) = filter.from {
            all.add("at_ms >= ?", Value::Number(from.unix_millis()));
        }
        if let Some(to) = filter.to {
            all.add("at_ms < ?", Value::Number(to.unix_millis()));
        }
        all
    }

    fn add(&mut self, text: &'static str, value: Value<'a>) {
        self.texts.push(text);
        self.values.push(value);
    }

    fn behind(mut self, place: Option<AuditPlace>) -> Self {
        if let Some(AuditPlace { at, id }) = place {
            self.add("(at_ms, id) < (?, ?)", Value::Number(at.unix_millis()));
            let id = i64::try_from(id.0).unwrap_or(i64::MAX);
            self.values.push(Value::Number(id));
        }
        self
    }

    fn action(mut self, action: AuditAction) -> Self {
        self.add("action = ?", Value::Text(action.as_str()));
        self.index = match self.index {
            "audit_by_device" => "audit_by_device_and_action",
            "audit_by_time" => "audit_by_action",
            other => other,
        };
        self
    }

    /// The conditions with the numbers of their values; the first value is another one.
    fn text(&self) -> String {
        let mut text = "?1 IS NOT NULL".to_owned();
        let mut number = 1;
        for condition in &self.texts {
            text.push_str(" AND ");
            for part in condition.split_inclusive('?') {
                text.push_str(part);
                if part.ends_with('?') {
                    number += 1;
                    text.push_str(&number.to_string());
                }
            }
        }
        text
    }

    fn with<'b>(&'b self, first: &'b u32) -> Vec<&'b dyn ToSql> {
        let values = self.values.iter().map(|value| value as &dyn ToSql);
        std::iter::once(first as &dyn ToSql).chain(values).collect()
    }
}

/// The limits of the records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Records before this time go.
    pub(super) since: Option<WallTime>,
    /// Of more records than this, the oldest go. Half of them are for those that strangers caused: they
    /// push out no others.
    pub(super) most: Option<u64>,
}

/// The records that are beyond the bounds: a condition, and how many of the oldest that fit it.
fn surplus(
    connection: &Connection,
    bounds: &Bounds,
) -> Result<Option<(&'static str, i64)>, OpError> {
    let count = |sql: &str| -> rusqlite::Result<i64> {
        connection
            .prepare_cached(sql)?
            .query_row([], |row| row.get(0))
    };
    let step = i64::try_from(AUDIT_STEP).unwrap_or(i64::MAX);
    if let Some(since) = bounds.since {
        let mut old = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM audit_events WHERE at_ms < ?1)")?;
        if old.query_row([since.unix_millis()], |row| row.get(0))? {
            return Ok(Some(("at_ms < ?1", step)));
        }
    }
    let Some(most) = bounds.most.and_then(|most| i64::try_from(most).ok()) else {
        return Ok(None);
    };
    let strangers = "SELECT count(*) FROM audit_events WHERE by_kind = 'nobody'";
    let too_many = count(strangers)? - most / 2;
    if too_many > 0 {
        return Ok(Some(("by_kind = 'nobody'", too_many.min(step))));
    }
    let too_many = count("SELECT count(*) FROM audit_events")? - most;
    Ok((too_many > 0).then(|| ("TRUE", too_many.min(step))))
}

/// Whether [`prune`] has something to do.
pub(super) fn has_surplus(connection: &Connection, bounds: &Bounds) -> Result<bool, OpError> {
    Ok(surplus(connection, bounds)?.is_some())
}

/// Removes some records that are too old or too many.
pub(super) fn prune(connection: &Connection, bounds: &Bounds) -> Result<(), OpError> {
    let Some((condition, count)) = surplus(connection, bounds)? else {
        return Ok(());
    };
    let sql = format!(
        "DELETE FROM audit_events WHERE id IN (SELECT id FROM audit_events \
         WHERE ?1 IS NOT NULL AND {condition} ORDER BY at_ms, id LIMIT ?2)"
    );
    let since = bounds.since.map_or(i64::MIN, WallTime::unix_millis);
    connection
        .prepare_cached(&sql)?
        .execute(params![since, count])?;
    Ok(())
}
