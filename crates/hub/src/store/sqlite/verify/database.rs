//! The database's own check of itself.

use super::super::beside::Beside;
use super::report::Report;
use super::{DATABASE_REMEDY, VerifyError};
use crate::watch::Watch;

/// Pages, indexes, types and foreign keys.
pub(super) fn check(store: &Beside, report: &Report, _: &Watch) -> Result<(), VerifyError> {
    // Sorters and sets of a large database go to the disk.
    store.connection.pragma_update(None, "temp_store", "file")?;
    let mut check = store.connection.prepare("PRAGMA integrity_check(1000)")?;
    let mut rows = check.query([])?;
    while let Some(row) = rows.next()? {
        let found: String = row.get(0)?;
        if found != "ok" {
            report.fault("database", "hub.db", found, DATABASE_REMEDY);
        }
    }
    let dangling = "SELECT DISTINCT \"table\", parent FROM pragma_foreign_key_check";
    let mut dangling = store.connection.prepare(dangling)?;
    let mut rows = dangling.query([])?;
    while let Some(row) = rows.next()? {
        let (table, parent): (String, String) = (row.get(0)?, row.get(1)?);
        let found = format!("rows of {table} refer to rows of {parent} that are not there");
        report.fault("database", "hub.db", found, DATABASE_REMEDY);
    }
    Ok(())
}
