//! What an error of SQLite means for the one who asked.

use fleetlink_core::StoreError;
use rusqlite::ErrorCode;

/// Why one operation was not done.
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
pub(super) enum SqlFault {
    /// There is no room.
    Full,
    /// The disk or the database is broken.
    Broken,
    /// A stored value is not of its type.
    Value,
    /// Something passing, such as a lock or too little memory.
    Passing,
}

pub(super) fn fault(error: &rusqlite::Error) -> SqlFault {
    use rusqlite::Error as E;
    match error {
        E::SqliteFailure(cause, _) => match cause.code {
            ErrorCode::DiskFull => SqlFault::Full,
            ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied => SqlFault::Broken,
            _ => SqlFault::Passing,
        },
        E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::InvalidColumnType(..) => SqlFault::Value,
        _ => SqlFault::Passing,
    }
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
