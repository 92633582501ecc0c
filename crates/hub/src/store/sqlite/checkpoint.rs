//! Copying the write-ahead log into the database, between transactions and after their answers.

use rusqlite::Connection;

use super::error::{SqlFault, fault};
use super::failure::Health;
use super::limits::CHECKPOINT_PAGES;

/// Copies the log once it is long enough. Only the writer calls it: SQLite's own checkpoints would
/// delay an answer, and would not tell that a flush failed.
pub(super) fn if_due(connection: &Connection, health: &Health) {
    if health.check().is_err() {
        return;
    }
    let run = || match checkpoint(connection, "NOOP")? {
        pages if pages < CHECKPOINT_PAGES => Ok(pages),
        _ => checkpoint(connection, "PASSIVE"),
    };
    match run() {
        Ok(pages) => tracing::trace!(pages, "write-ahead log"),
        Err(error) => match fault(&error) {
            SqlFault::Broken => health.fail(format!("copying the write-ahead log: {error}")),
            // The log grows on until it can be copied.
            _ => tracing::warn!(%error, "the write-ahead log is not copied yet"),
        },
    }
}

/// Answers how many pages the log has that are not copied.
fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<i64> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        let (log, copied): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(log - copied)
    })
}
