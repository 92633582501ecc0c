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
