//! The table of rules about data: quotas of devices, and how long data files stay.

use std::time::Duration;

use fleetlink_core::{MAX_RULES, Rule, RuleKind, RuleName, StoreError};
use fleetlink_proto::DeviceName;
use rusqlite::{Connection, Row, params};

use super::error::{OpError, damaged};
use crate::store::{DevicePattern, Quota, Quotas, RetainRule, check_rule};

/// Of each kind, the closer ones first: a rule with more characters that are not `*` goes before one with
/// fewer.
const ORDER: &str =
    "ORDER BY kind, length(replace(pattern, '*', '')) DESC, length(pattern), pattern";

pub(super) fn all(connection: &Connection) -> Result<Vec<Rule>, OpError> {
    let sql = format!("SELECT kind, pattern, value FROM rules {ORDER}");
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map([], stored)?;
    rows.map(|row| read(row?)).collect()
}

/// Sets a rule. It holds from the next change on: each looks here.
pub(super) fn set(connection: &Connection, rule: &Rule) -> Result<(), OpError> {
    let refused = |why: String| OpError::from(StoreError::Conflict(why));
    check_rule(rule).map_err(refused)?;
    let value = rule.value.map(i64::try_from).transpose();
    let value = value.map_err(|_| refused("the value of the rule is too large".to_owned()))?;
    let others = "SELECT count(*) FROM rules WHERE (kind, pattern) <> (?1, ?2)";
    let name = (rule.name.kind.as_str(), &rule.name.pattern);
    let others: u64 = connection.query_row(others, name, |row| row.get(0))?;
    if others >= MAX_RULES as u64 {
        let why = format!("there are {MAX_RULES} rules already; remove some");
        return Err(refused(why));
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO rules (kind, pattern, value) VALUES (?1, ?2, ?3) \
         ON CONFLICT DO UPDATE SET value = excluded.value",
    )?;
    insert.execute(params![name.0, name.1, value])?;
    Ok(())
}

pub(super) fn remove(connection: &Connection, name: &RuleName) -> Result<(), OpError> {
    let delete = "DELETE FROM rules WHERE kind = ?1 AND pattern = ?2";
    let mut delete = connection.prepare_cached(delete)?;
    match delete.execute((name.kind.as_str(), &name.pattern))? {
        0 => Err(StoreError::NotFound.into()),
        _ => Ok(()),
    }
}

/// The quota of a device: by the rules that are set, and where none of them is for it, by those of the
/// hub's options.
pub(super) fn quota(
    connection: &Connection,
    device: &DeviceName,
    options: Option<&Quotas>,
) -> Result<Quota, OpError> {
    let of_options = options.map_or_else(Quota::default, |quotas| quotas.of(device));
    Ok(Quota {
        bytes: bound(connection, RuleKind::Quota, device)?.unwrap_or(of_options.bytes),
        data_files: bound(connection, RuleKind::QuotaFiles, device)?
            .unwrap_or(of_options.data_files),
    })
}

/// The bound that the first rule for this device sets, which may be none; nothing without such a rule.
fn bound(
    connection: &Connection,
    kind: RuleKind,
    device: &DeviceName,
) -> Result<Option<Option<u64>>, OpError> {
    let sql = format!("SELECT kind, pattern, value FROM rules WHERE kind = ?1 {ORDER}");
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query([kind.as_str()])?;
    while let Some(row) = rows.next()? {
        let rule = read(stored(row)?)?;
        let pattern = { rule.name.pattern.parse::<DevicePattern>() };
        let pattern = pattern.map_err(|_| damaged("the pattern of a rule"))?;
        if pattern.matches(device) {
            return Ok(Some(rule.value));
        }
    }
    Ok(None)
}

/// The rules that are set about how long data files stay, which go before those of the options.
pub(super) fn retain(connection: &Connection) -> Result<Vec<RetainRule>, OpError> {
    let rules = all(connection)?.into_iter();
    let rules = rules.filter(|rule| rule.name.kind == RuleKind::Retain);
    rules
        .map(|rule| {
            let pattern = { rule.name.pattern.parse() };
            Ok(RetainRule {
                pattern: pattern.map_err(|_| damaged("the pattern of a rule"))?,
                age: rule.value.map(Duration::from_secs),
            })
        })
        .collect()
}

/// A row as it is stored.
type Stored = (String, String, Option<i64>);

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn read((kind, pattern, value): Stored) -> Result<Rule, OpError> {
    let value = value.map(u64::try_from).transpose();
    Ok(Rule {
        name: RuleName {
            kind: kind.parse().map_err(|_| damaged("the kind of a rule"))?,
            pattern: pattern.into(),
        },
        value: value.map_err(|_| damaged("the value of a rule"))?,
    })
}
