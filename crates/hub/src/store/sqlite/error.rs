//! The meaning of SQLite's errors for the caller.

use fleetlink_core::StoreError;
use rusqlite::{ErrorCode, ffi};

/// The reason why one operation was not done.
#[derive(Debug)]
pub(super) enum OpError {
    /// By the rules of the store; its transaction can go on.
    Refused(StoreError),
    /// By SQLite; its transaction is not to be trusted.
    Sql(rusqlite::Error),
}

impl From<StoreError> for OpError {
    fn from(error: StoreError) -> Self {
        OpError::Refused(error)
    }
}

impl From<rusqlite::Error> for OpError {
    fn from(error: rusqlite::Error) -> Self {
        OpError::Sql(error)
    }
}

/// A stored value that is none of those that are ever stored.
pub(super) fn damaged(what: &str) -> OpError {
    OpError::Refused(StoreError::Corrupt(format!(
        "{what} in the database is not readable"
    )))
}

/// The kinds of errors that are answered differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SqlFault {
    /// There is no room. Nothing was done.
    Full,
    /// A file could not be written: there is no room in a quota, the file system is read-only now, or
    /// another reason that SQLite does not tell. What was acknowledged is not in doubt.
    Write,
    /// A flush failed, or the database is damaged: durability is unknown.
    Broken,
    /// A stored value is not of its type.
    Value,
    /// The operation did not happen: a lock, too little memory, no descriptors, no permission.
    Passing,
}

/// The meaning of an SQLite error. Acknowledged changes are in doubt only after a failed flush, and
/// after an error of a database that is damaged or was moved away.
pub(super) fn fault(error: &rusqlite::Error) -> SqlFault {
    use rusqlite::Error as E;
    match error {
        E::SqliteFailure(cause, _) => fault_of_code(cause.code, cause.extended_code),
        E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::InvalidColumnType(..) => SqlFault::Value,
        _ => SqlFault::Passing,
    }
}

fn fault_of_code(code: ErrorCode, extended: i32) -> SqlFault {
    match (code, extended) {
        (ErrorCode::DiskFull, _) => SqlFault::Full,
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _)
        | (
            _,
            ffi::SQLITE_IOERR
            | ffi::SQLITE_IOERR_FSYNC
            | ffi::SQLITE_IOERR_DIR_FSYNC
            | ffi::SQLITE_IOERR_CORRUPTFS
            | ffi::SQLITE_IOERR_DATA
            | ffi::SQLITE_READONLY_DBMOVED,
        ) => SqlFault::Broken,
        (_, ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE) => SqlFault::Write,
        _ => SqlFault::Passing,
    }
}

/// Whether the write of a page failed, which in write-ahead mode is one of the log.
pub(super) fn is_write_of_log(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|cause| cause.extended_code);
    extended == Some(ffi::SQLITE_IOERR_WRITE)
}

/// The answer to a read; a read that fails does not fail the store.
pub(super) fn of_read(error: OpError) -> StoreError {
    let error = match error {
        OpError::Refused(error) => return error,
        OpError::Sql(error) => error,
    };
    match fault(&error) {
        SqlFault::Value => StoreError::Corrupt(error.to_string()),
        SqlFault::Broken if is_corrupt(&error) => StoreError::Corrupt(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

fn is_corrupt(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The meaning of an extended code of SQLite.
    fn of(extended: i32) -> SqlFault {
        let cause = ffi::Error::new(extended);
        fault(&rusqlite::Error::SqliteFailure(cause, None))
    }

    #[test]
    fn only_a_failed_flush_or_a_damaged_database_is_broken() {
        for broken in [
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_DIR_FSYNC,
            ffi::SQLITE_IOERR_CORRUPTFS,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_CORRUPT_INDEX,
            ffi::SQLITE_NOTADB,
            ffi::SQLITE_READONLY_DBMOVED,
        ] {
            assert_eq!(of(broken), SqlFault::Broken, "{broken}");
        }
        for passing in [
            ffi::SQLITE_CANTOPEN,
            ffi::SQLITE_CANTOPEN_FULLPATH,
            ffi::SQLITE_PERM,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_READONLY_DIRECTORY,
            ffi::SQLITE_READONLY_CANTLOCK,
            ffi::SQLITE_BUSY,
            ffi::SQLITE_INTERRUPT,
            ffi::SQLITE_NOMEM,
            ffi::SQLITE_IOERR_NOMEM,
            ffi::SQLITE_IOERR_READ,
            ffi::SQLITE_IOERR_SHORT_READ,
            ffi::SQLITE_IOERR_LOCK,
            ffi::SQLITE_IOERR_ACCESS,
            ffi::SQLITE_IOERR_SHMOPEN,
            ffi::SQLITE_IOERR_SHMMAP,
        ] {
            assert_eq!(of(passing), SqlFault::Passing, "{passing}");
        }
        assert_eq!(of(ffi::SQLITE_FULL), SqlFault::Full);
        for write in [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_SHMSIZE] {
            assert_eq!(of(write), SqlFault::Write, "{write}");
        }
    }
}
