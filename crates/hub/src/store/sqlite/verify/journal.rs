//! The journal against the data files.

use rusqlite::{Connection, Row};

use super::super::beside::Beside;
use super::super::data_file;
use super::super::limits::JOURNAL_STEP;
use super::report::Report;
use super::{DATABASE_REMEDY, VerifyError, place};
use crate::watch::Watch;

/// The last change of each data file: an upload made what is there, and a deletion left nothing.
const LAST: &str = "\
    WITH last AS (SELECT device, file, max(sequence) AS sequence, kind FROM journal \
                  WHERE sequence > ?1 GROUP BY device, file) \
    SELECT last.device, last.file, kind = 2, files.version IS NULL FROM last \
    LEFT JOIN files ON files.device = last.device AND files.file = last.file \
    WHERE CASE kind WHEN 2 THEN files.version IS NOT NULL ELSE files.version IS NOT sequence END";

/// Data files whose version is of no upload of theirs.
const UNKNOWN: &str = "\
    SELECT device, file FROM files WHERE version > ?1 AND NOT EXISTS \
    (SELECT 1 FROM journal WHERE sequence = version AND kind <> 2 \
     AND journal.device = files.device AND journal.file = files.file)";

pub(super) fn check(store: &Beside, report: &Report, _: &Watch) -> Result<(), VerifyError> {
    // One state of both tables.
    let state = store.connection.unchecked_transaction()?;
    let changes = state.query_row("SELECT count(*) FROM journal", [], |row| row.get(0))?;
    report.count(|checked| checked.changes = changes);
    let since = complete_since(&state)?;
    let mut last = state.prepare(LAST)?;
    let mut rows = last.query([since])?;
    while let Some(row) = rows.next()? {
        let fault = match (row.get(2)?, row.get(3)?) {
            (true, _) => "the journal says that it was deleted, and it is there",
            (false, true) => "the journal has an upload of it, and it is not there",
            (false, false) => "its version is not that of its last upload in the journal",
        };
        report.fault("journal", of(row)?, fault, DATABASE_REMEDY);
    }
    let mut unknown = state.prepare(UNKNOWN)?;
    let mut rows = unknown.query([since])?;
    while let Some(row) = rows.next()? {
        let fault = "its version is of no upload in the journal";
        report.fault("journal", of(row)?, fault, DATABASE_REMEDY);
    }
    Ok(())
}

fn of(row: &Row<'_>) -> rusqlite::Result<String> {
    let device: String = row.get(0)?;
    Ok(place(&device, &data_file::read(row, 1)?.to_string()))
}

/// The change behind which the journal has all. Among its oldest ones some may be missing where a
/// clock was set, since it is cut by age.
fn complete_since(state: &Connection) -> rusqlite::Result<u64> {
    let first = "SELECT coalesce(min(sequence), 1) FROM journal";
    let first: u64 = state.query_row(first, [], |row| row.get(0))?;
    if first == 1 {
        return Ok(0);
    }
    let behind = "SELECT coalesce((SELECT sequence FROM journal ORDER BY sequence LIMIT 1 OFFSET ?1), \
                  (SELECT max(sequence) FROM journal))";
    state.query_row(behind, [JOURNAL_STEP], |row| row.get(0))
}
