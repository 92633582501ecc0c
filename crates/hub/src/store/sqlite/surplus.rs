//! The data files that are beyond the bounds of what is kept.

use std::time::Duration;

use fleetlink_proto::{Version, WallTime};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::data_file;
use super::error::{OpError, damaged};
use super::rules;
use crate::store::{Retention, SurplusFile};

/// Those that were changed the longest ago first. Nothing is looked at where there are no bounds;
/// else all rows are, once a minute: no change pays for an index. A damaged row keeps no other one.
pub(super) fn find(
    connection: &Connection,
    now: WallTime,
    keep: &Retention,
    limit: u32,
) -> Result<Vec<SurplusFile>, OpError> {
    let mut rules = rules::retain(connection)?;
    rules.extend_from_slice(&keep.rules);
    let keep = &Retention {
        rules,
        ..keep.clone()
    };
    let ages = keep.rules.iter().map(|rule| rule.age);
    let ages = ages.chain([keep.data_age]);
    // No file that was changed later is too old by any rule.
    let latest = ages.flatten().min().map(|age| since(now, age));
    if latest.is_none() && keep.data_bytes.is_none() {
        return Ok(Vec::new());
    }
    let latest = latest.unwrap_or(i64::MIN);
    let sum = "SELECT coalesce(sum(bytes), 0) FROM files WHERE bytes > 0";
    let mut left: u64 = connection.query_row(sum, [], |row| row.get(0))?;
    let most = keep.data_bytes.unwrap_or(u64::MAX);
    let mut select = connection.prepare_cached(
        "SELECT device, file, version, bytes, changed_ms FROM files \
         ORDER BY changed_ms, device, file",
    )?;
    let mut rows = select.query([])?;
    let mut files = Vec::new();
    let mut unreadable = Unreadable::default();
    while let Some(row) = rows.next()? {
        let changed: i64 = row.get(4)?;
        let is_full = u32::try_from(files.len()).is_ok_and(|count| count >= limit);
        if is_full || changed >= latest && left <= most {
            break;
        }
        let Ok(file) = surplus(row) else {
            unreadable.note(row);
            // No other file goes for the bytes of this one.
            left = left.saturating_sub(bytes_of(row));
            continue;
        };
        let is_old = age_of(keep, &file).is_some_and(|age| changed < since(now, age));
        if is_old || left > most {
            left = left.saturating_sub(bytes_of(row));
            files.push(file);
        }
    }
    unreadable.tell();
    Ok(files)
}

/// The rows that cannot be read in one look.
#[derive(Default)]
struct Unreadable {
    first: Option<(String, String)>,
    count: u64,
}

impl Unreadable {
    fn note(&mut self, row: &Row<'_>) {
        self.first
            .get_or_insert_with(|| (shown(row, 0), shown(row, 1)));
        self.count += 1;
    }

    fn tell(self) {
        if let Some((device, file)) = self.first {
            let more = self.count - 1;
            tracing::warn!(
                ?device,
                ?file,
                more,
                "the row of a data file is damaged, so the file is kept; fleetlink hub verify names all"
            );
        }
    }
}

/// A value as people read it, whatever it is.
fn shown(row: &Row<'_>, column: usize) -> String {
    match row.get_ref(column) {
        Ok(ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        Ok(ValueRef::Integer(number)) => number.to_string(),
        Ok(other) => other.data_type().to_string(),
        Err(error) => error.to_string(),
    }
}

/// The bytes of a file; none where the number is damaged.
fn bytes_of(row: &Row<'_>) -> u64 {
    row.get(3).unwrap_or(0)
}

/// The time that this file stays.
fn age_of(keep: &Retention, file: &SurplusFile) -> Option<Duration> {
    let rule = { keep.rules.iter() }.find(|rule| rule.pattern.matches(&file.device, &file.file));
    rule.map_or(keep.data_age, |rule| rule.age)
}

fn since(now: WallTime, age: Duration) -> i64 {
    super::before(now, age).unix_millis()
}

fn surplus(row: &Row<'_>) -> Result<SurplusFile, OpError> {
    let device: String = row.get(0)?;
    Ok(SurplusFile {
        device: device
            .parse()
            .map_err(|_| damaged("the device of a file"))?,
        file: data_file::read(row, 1)?,
        version: Version::at_most(row.get(2)?),
    })
}
