//! Copying the write-ahead log into the database, between transactions and after their answers.

use std::fs;
use std::time::Duration;

use rusqlite::Connection;

use super::error::{SqlFault, fault};
use super::failure::Health;
use super::folder::Folder;
use super::limits::{BUSY_TIMEOUT, CHECKPOINT_PAGES, LOG_BYTES, READERS_TIMEOUT};

/// The result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copied {
    /// As far as nobody reads what it would write over; or it was not time to.
    AsFarAsPossible,
    /// There is no room for it in the database.
    NoRoom,
    /// It failed otherwise, and is tried again.
    NotYet,
}

/// Copies the log once it is long enough. Only the writer calls it: SQLite's own checkpoints would
/// delay an answer, and would not tell that a flush failed.
pub(super) fn if_due(connection: &Connection, health: &Health) -> Copied {
    let long_enough = checkpoint(connection, "NOOP").map(|pages| pages >= CHECKPOINT_PAGES);
    if long_enough.unwrap_or(true) {
        now(connection, health)
    } else {
        Copied::AsFarAsPossible
    }
}

/// Copies the log as far as nobody reads what it would write over.
pub(super) fn now(connection: &Connection, health: &Health) -> Copied {
    run(connection, "PASSIVE", health)
}

/// Copies the log and waits for readers, for a moment; how many pages are still to be copied.
pub(super) fn rest(connection: &Connection, health: &Health) -> i64 {
    if connection.busy_timeout(READERS_TIMEOUT).is_ok() {
        run(connection, "FULL", health);
    }
    if let Err(error) = connection.busy_timeout(BUSY_TIMEOUT) {
        tracing::warn!(%error, "the database does not wait for locks");
    }
    checkpoint(connection, "NOOP").unwrap_or(0)
}

/// Copies the log and makes it short, where it is longer than it is to stay and nobody reads it.
pub(super) fn shorten(connection: &Connection, folder: &Folder, health: &Health) {
    let bytes = fs::metadata(folder.log()).map_or(0, |log| log.len());
    if bytes <= LOG_BYTES {
        return;
    }
    // A reader that is at it is not waited for: there is a next time.
    if connection.busy_timeout(Duration::ZERO).is_ok() {
        run(connection, "TRUNCATE", health);
    }
    if let Err(error) = connection.busy_timeout(BUSY_TIMEOUT) {
        tracing::warn!(%error, "the database does not wait for locks");
    }
}

fn run(connection: &Connection, mode: &str, health: &Health) -> Copied {
    if health.check().is_err() {
        return Copied::NotYet;
    }
    match checkpoint(connection, mode) {
        Ok(pages) => {
            tracing::trace!(pages, "write-ahead log");
            Copied::AsFarAsPossible
        }
        Err(error) => not_copied(&error, health),
    }
}

fn not_copied(error: &rusqlite::Error, health: &Health) -> Copied {
    match fault(error) {
        SqlFault::Broken => {
            health.fail(format!("copying the write-ahead log: {error}"));
            Copied::NotYet
        }
        // The log grows on until it can be copied.
        SqlFault::Full => {
            tracing::debug!(%error, "there is no room to copy the write-ahead log");
            Copied::NoRoom
        }
        _ => {
            tracing::warn!(%error, "the write-ahead log is not copied yet");
            Copied::NotYet
        }
    }
}

/// Answers how many pages the log has that are not copied.
fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<i64> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        let (log, copied): (i64, i64) = (row.get(1)?, row.get(2)?);
        Ok(log - copied)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::folder::Folder;
    use crate::store::sqlite::{connection, schema};

    #[test]
    fn the_log_is_copied_when_it_is_long_enough() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path()).unwrap();
        let writer = connection::writer(&folder, schema::STEPS).unwrap();
        let reader = connection::reader(&folder).unwrap();
        let health = Health::sound();
        let mut pages = checkpoint(&writer, "NOOP").unwrap();
        while pages < CHECKPOINT_PAGES {
            if_due(&writer, &health);
            assert_eq!(checkpoint(&writer, "NOOP").unwrap(), pages);
            let insert = "INSERT INTO journal (device, key, kind, file, samples, bytes, at_ms) \
                          VALUES ('cam', randomblob(400000), 0, 0, 0, 0, 0)";
            writer.execute(insert, []).unwrap();
            pages = checkpoint(&writer, "NOOP").unwrap();
        }
        if_due(&writer, &health);
        assert_eq!(checkpoint(&writer, "NOOP").unwrap(), 0);
        assert_eq!(health.check(), Ok(()));
        drop(reader);
    }
}
