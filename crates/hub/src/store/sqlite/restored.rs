//! A copy of a database becomes one that a hub can start on.

use std::path::Path;

use rusqlite::Connection;

use super::folder::Folder;
use super::open_error::OpenError;
use super::{connection, rewrite, schema};

/// Numbers that are passed over after a restore: more than a hub gives out between two backups.
const PASSED_OVER: i64 = 1 << 32;
/// Beyond it none are: versions end at 2^53.
const MOST: i64 = 1 << 52;
/// The tables whose numbers are never used twice.
const NUMBERED: [&str; 4] = ["audit_events", "journal", "segments", "tokens"];

/// Gives the database in this folder the newest format. All of it is in its one file when this returns.
pub(crate) fn bring_up(root: &Path) -> Result<(), OpenError> {
    change(root, |_| Ok(()))
}

/// Passes over the numbers that the lost store may have given out since the backup: the versions of
/// data files and accounts, and the numbers of records, segments and tokens.
pub(crate) fn pass_over_numbers(root: &Path) -> Result<(), OpenError> {
    change(root, |connection| {
        let passing = connection.unchecked_transaction()?;
        for table in NUMBERED {
            let first = "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, 0 WHERE NOT EXISTS \
                         (SELECT 1 FROM sqlite_sequence WHERE name = ?1)";
            passing.execute(first, [table])?;
            let pass = "UPDATE sqlite_sequence SET seq = seq + ?2 WHERE name = ?1 AND seq < ?3";
            passing.execute(pass, (table, PASSED_OVER, MOST))?;
        }
        let pass = "UPDATE account_totals SET version = version + ?1 WHERE version < ?2";
        passing.execute(pass, (PASSED_OVER, MOST))?;
        passing.commit()
    })
}

fn change(
    root: &Path,
    change: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), OpenError> {
    connection::check_sqlite()?;
    let folder = Folder::open(root)?;
    let connection = connection::writer(&folder, schema::STEPS)?;
    change(&connection)?;
    // Says why where it fails; the close does not.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    rewrite::close_whole(connection, &folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::{SqliteStore, folder};

    fn database(root: &Path) -> Connection {
        Connection::open(root.join(folder::DATABASE)).unwrap()
    }

    #[test]
    fn every_table_whose_numbers_are_never_used_twice_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        drop(SqliteStore::open(root.path()).unwrap());
        let database = database(root.path());
        let tables = "SELECT name FROM sqlite_schema WHERE sql LIKE '%AUTOINCREMENT%' \
                      AND type = 'table' ORDER BY name";
        let mut tables = database.prepare(tables).unwrap();
        let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(tables.collect::<Result<Vec<_>, _>>().unwrap(), NUMBERED);
    }

    #[test]
    fn a_log_that_was_not_copied_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        drop(SqliteStore::open(root.path()).unwrap());
        // Somebody reads a state that the log goes beyond, so it cannot all be copied.
        let reader = database(root.path());
        let state = reader.unchecked_transaction().unwrap();
        let count = "SELECT count(*) FROM accounts";
        let _: i64 = state.query_row(count, [], |row| row.get(0)).unwrap();
        let refused = pass_over_numbers(root.path()).unwrap_err();
        assert!(matches!(refused, OpenError::LogLeft(_)), "{refused}");
        drop(state);
        drop(reader);
        pass_over_numbers(root.path()).unwrap();
    }
}
