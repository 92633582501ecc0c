//! Giving room back to the disk: pages that the database does not use any more.

use rusqlite::Connection;

use super::limits::{VACUUM_SHARE, VACUUM_SLACK_PAGES, VACUUM_STEP_PAGES};

/// Whether more pages are unused than are worth keeping for what comes next.
pub(super) fn is_due(connection: &Connection) -> rusqlite::Result<bool> {
    let kept = VACUUM_SLACK_PAGES.max(pages(connection, "page_count")? / VACUUM_SHARE);
    Ok(is_possible(connection)? && unused(connection)? > kept)
}

/// Pages that hold nothing.
pub(super) fn unused(connection: &Connection) -> rusqlite::Result<u64> {
    pages(connection, "freelist_count")
}

/// Gives up some unused pages. The file gets shorter with the next checkpoint.
pub(super) fn step(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("PRAGMA incremental_vacuum({VACUUM_STEP_PAGES})"))
}

/// A database of an earlier version cannot, until it is rewritten.
pub(super) fn is_possible(connection: &Connection) -> rusqlite::Result<bool> {
    /// `PRAGMA auto_vacuum = INCREMENTAL`.
    const INCREMENTAL: u64 = 2;
    Ok(pages(connection, "auto_vacuum")? == INCREMENTAL)
}

fn pages(connection: &Connection, pragma: &str) -> rusqlite::Result<u64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}
