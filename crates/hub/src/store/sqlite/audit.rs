//! The table of audit records. An index leads to the records of one device, file, name, kind of caller or
//! action, or to those that are not done, newest first; the rest of a filter is looked for among those. A
//! device or a kind together with an action has an index too.

use std::borrow::Cow;

use fleetlink_core::{
    Actor, ActorKind, AuditAction, AuditBy, AuditEvent, AuditFilter, AuditId, AuditPlace,
    AuditRecord, Door, Outcome,
};
use fleetlink_proto::{DataFile, WallTime};
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, Row, ToSql, params};

use super::data_file::{self, Column};
use super::error::{OpError, damaged};

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
    let parts = Conditions::of(filter).behind(after).parts(filter);
    let mut found = Vec::new();
    for part in parts {
        let sql = format!(
            "SELECT {COLUMNS} FROM audit_events INDEXED BY {} WHERE {} \
             ORDER BY at_ms DESC, id DESC LIMIT ?1",
            part.index.name(),
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
    texts: Vec<Cow<'static, str>>,
    values: Vec<Value<'a>>,
    index: Index,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Index {
    Time,
    Outcome,
    Kind,
    Name,
    File,
    /// Within a device by action.
    Device,
    /// Within an action by kind of caller.
    Action,
}

impl Index {
    fn name(self) -> &'static str {
        match self {
            Index::Time => "audit_by_time",
            Index::Outcome => "audit_by_outcome",
            Index::Kind => "audit_by_kind",
            Index::Name => "audit_by_name",
            Index::File => "audit_by_file",
            Index::Device => "audit_by_device",
            Index::Action => "audit_by_action",
        }
    }
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
            index: Index::Time,
        };
        // The last index that is named is the one that is used.
        if let Some(outcome) = filter.outcome {
            all.add("outcome = ?", Value::Text(outcome.as_str()));
            if outcome != Outcome::Done {
                all.texts.push("outcome <> 'done'".into());
                all.index = Index::Outcome;
            }
        }
        match &filter.by {
            Some(AuditBy::Kind(kind)) => {
                all.add("by_kind = ?", Value::Text(kind.as_str()));
                // Most that devices do is done.
                if (*kind, all.index) != (ActorKind::Device, Index::Outcome) {
                    all.index = Index::Kind;
                }
            }
            Some(AuditBy::Name(name)) => {
                all.add("by_name = ?", Value::Text(name));
                all.index = Index::Name;
            }
            None => {}
        }
        if let Some(file) = &filter.file {
            all.add("file = ?", Value::File(file));
            all.index = Index::File;
        }
        // Many devices have a file of one name.
        if let Some(device) = &filter.device {
            all.add("device = ?", Value::Text(device));
            all.index = Index::Device;
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
        self.texts.push(text.into());
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

    /// The queries that together find what is asked for: one for each part of an index of several
    /// columns, each in the order of time.
    fn parts(mut self, filter: &AuditFilter) -> Vec<Self> {
        let actions = filter.actions.as_deref();
        match (self.index, actions) {
            (Index::Device, _) => {
                let actions = actions.unwrap_or(AuditAction::ALL).iter();
                actions.map(|action| self.with_action(*action)).collect()
            }
            (Index::Time | Index::Kind, Some(actions)) => {
                self.index = Index::Action;
                let kinds: &[ActorKind] = match &filter.by {
                    Some(AuditBy::Kind(kind)) => std::slice::from_ref(kind),
                    _ => ActorKind::ALL,
                };
                let of_kind = |kind: &ActorKind| {
                    let mut part = self.clone();
                    part.add("by_kind = ?", Value::Text(kind.as_str()));
                    part
                };
                let of_kinds: Vec<_> = kinds.iter().map(of_kind).collect();
                let of_action = |action: &AuditAction| {
                    let parts = of_kinds.iter();
                    parts
                        .map(|part| part.with_action(*action))
                        .collect::<Vec<_>>()
                };
                actions.iter().flat_map(of_action).collect()
            }
            (_, Some([])) => Vec::new(),
            (_, Some(actions)) => {
                let marks = vec!["?"; actions.len()].join(", ");
                self.texts.push(format!("action IN ({marks})").into());
                let words = actions.iter().map(|action| Value::Text(action.as_str()));
                self.values.extend(words);
                vec![self]
            }
            (_, None) => vec![self],
        }
    }

    fn with_action(&self, action: AuditAction) -> Self {
        let mut part = self.clone();
        part.add("action = ?", Value::Text(action.as_str()));
        part
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The index of a filter, and how many queries it takes.
    fn led_by(set: impl FnOnce(&mut AuditFilter)) -> (Index, usize) {
        let mut filter = AuditFilter::default();
        set(&mut filter);
        let parts = Conditions::of(&filter).parts(&filter);
        (parts[0].index, parts.len())
    }

    fn keys() -> Option<Vec<AuditAction>> {
        Some(AuditAction::beginning_with("key"))
    }

    #[test]
    fn the_index_that_leads_to_the_fewest_records_is_used() {
        let actions = AuditAction::ALL.len();
        let file = || Some("temperature".parse().unwrap());
        let of_file = led_by(|filter| (filter.device, filter.file) = (Some("cam".into()), file()));
        assert_eq!(of_file, (Index::Device, actions));
        let keys_of_device =
            led_by(|filter| (filter.device, filter.actions) = (Some("cam".into()), keys()));
        assert_eq!(keys_of_device, (Index::Device, 3));
        assert_eq!(led_by(|filter| filter.file = file()), (Index::File, 1));
        let by = |by| move |filter: &mut AuditFilter| filter.by = Some(by);
        let device = || AuditBy::Kind(ActorKind::Device);
        assert_eq!(led_by(by(device())), (Index::Kind, 1));
        let failed = led_by(|filter| {
            (filter.by, filter.outcome) = (Some(device()), Some(Outcome::Failed));
        });
        assert_eq!(failed, (Index::Outcome, 1));
        let keys_by_devices =
            led_by(|filter| (filter.by, filter.actions) = (Some(device()), keys()));
        assert_eq!(keys_by_devices, (Index::Action, 3));
        let keys_by_name = led_by(|filter| {
            (filter.by, filter.actions) = (Some(AuditBy::Name("ana".into())), keys());
        });
        assert_eq!(keys_by_name, (Index::Name, 1), "walked once");
        assert_eq!(led_by(|_| ()), (Index::Time, 1));
    }
}
