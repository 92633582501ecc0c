//! Opens connections to the database.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::folder::{DATABASE, Folder};
use super::limits::{BUSY_TIMEOUT, LOG_BYTES, STATEMENTS};
use super::open_error::OpenError;
use super::rewrite::{self, Rewritten};
use super::schema;

/// Refuses the SQLite versions whose write-ahead log can damage a database.
pub(super) fn check_sqlite() -> Result<(), OpenError> {
    match rusqlite::version_number() {
        3_052_000 => Err(OpenError::SqliteVersion(rusqlite::version())),
        3_051_003.. => Ok(()),
        _ => Err(OpenError::SqliteVersion(rusqlite::version())),
    }
}

/// The one connection that writes. The database has the newest format when this returns, and where
/// there was room for that, it can give room back.
pub(super) fn writer(folder: &Folder, steps: &[&str]) -> Result<Connection, OpenError> {
    match rewrite::if_needed(open_writer(folder, steps)?, folder) {
        Rewritten::Not(connection) => Ok(connection),
        Rewritten::Anew => open_writer(folder, steps),
    }
}

fn open_writer(folder: &Folder, steps: &[&str]) -> Result<Connection, OpenError> {
    let mut connection = open(folder, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Before anything is changed: it may be a database of somebody else, or one that lost its tables.
    if schema::format(&connection, folder.root())? == 0 {
        folder.refuse_as_new()?;
    }
    // Of a new database; an earlier one has to be rewritten.
    connection.pragma_update(None, "auto_vacuum", "incremental")?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        let folder = folder.root().to_owned();
        return Err(OpenError::NoWriteAheadLog { folder, mode });
    }
    connection.pragma_update(None, "synchronous", "full")?;
    // Where a plain fsync leaves data in the drive's cache.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // The writer does it itself, after its answers, and looks at the result.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
    schema::migrate(&mut connection, folder, steps)?;
    Ok(connection)
}

/// A connection that cannot write, to a database that the writer has opened.
pub(super) fn reader(folder: &Folder) -> Result<Connection, OpenError> {
    open(folder, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// A connection that cannot write, to the database of a hub that may be using it.
pub(super) fn beside(root: &Path) -> Result<Connection, OpenError> {
    open_at(&root.join(DATABASE), OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// A connection that cannot write, to a copy of a database.
pub(super) fn copy(database: &Path) -> Result<Connection, OpenError> {
    open_at(database, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open(folder: &Folder, access: OpenFlags) -> Result<Connection, OpenError> {
    open_at(&folder.database(), access)
}

fn open_at(database: &Path, access: OpenFlags) -> Result<Connection, OpenError> {
    // Each connection stays with one thread, so SQLite's own mutexes are not needed.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}
