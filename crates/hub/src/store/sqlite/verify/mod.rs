//! Checks everything that a store holds: each hash, each reference, each summary.
//!
//! It reads beside the hub. Each look at the database is a short one, so that the log does not grow,
//! and the files of segments that it has seen [stay](super::beside) meanwhile. A segment is never
//! changed and its number never used again, so the parts can be looked at one after the other.

mod copy;
mod data_files;
mod database;
mod files;
mod journal;
mod people;
mod report;
mod segments;
mod text;

use std::path::Path;

use rusqlite::ErrorCode;

use super::OpenError;
use super::beside::Beside;
use super::error::{OpError, SqlFault, fault};
use super::folder::{KEY, SEGMENTS};
use crate::watch::{Stopped, Watch};

pub(crate) use self::copy::CopyCheck;
use self::report::Report;
pub use self::report::{Checked, Fault, Verified};
pub(crate) use self::text::Text;

/// The remedy for a damaged data file.
const DATA_REMEDY: &str =
    "upload the data file again or delete it, or restore the hub from a backup";
/// The remedy for a damaged database.
const DATABASE_REMEDY: &str = "restore the hub from a backup";

/// The reason why a store was not checked.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database cannot be read, though it may be whole.
    #[error("the database hub.db cannot be read: {0}")]
    Database(rusqlite::Error),
    /// A folder cannot be read.
    #[error("{path}: {error}")]
    Io {
        path: String,
        #[source]
        error: std::io::Error,
    },
    /// A thread cannot be started.
    #[error("a thread cannot be started: {0}")]
    Thread(std::io::Error),
    /// Somebody stopped it.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl From<rusqlite::Error> for VerifyError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => VerifyError::Stopped(Stopped),
            _ => VerifyError::Database(error),
        }
    }
}

/// Checks the store in this folder.
pub(crate) fn verify(root: &Path, watch: &Watch) -> Result<Verified, VerifyError> {
    let report = Report::default();
    let store = match Beside::open_newest(root) {
        Ok(store) => store,
        Err(OpenError::Database(error)) if fault(&error) == SqlFault::Broken => {
            report.fault("database", "hub.db", error.to_string(), DATABASE_REMEDY);
            return Ok(report.finish());
        }
        Err(OpenError::NoStore(folder)) if is_left_over(root) => {
            let found = "it is missing or empty, and the hub's key or segments are there";
            let place = folder.join("hub.db").display().to_string();
            report.fault("database", place, found, DATABASE_REMEDY);
            return Ok(report.finish());
        }
        Err(error) => return Err(error.into()),
    };
    watch.interrupts(store.interrupt())?;
    let steps: [Step; 6] = [
        database::check,
        people::check,
        data_files::check,
        journal::check,
        segments::check,
        files::check,
    ];
    for step in steps {
        watch.check()?;
        unless_damaged(step(&store, &report, watch), &report)?;
    }
    Ok(report.finish())
}

type Step = fn(&Beside, &Report, &Watch) -> Result<(), VerifyError>;

/// A database whose damage ends a step is a fault; the other steps go on.
fn unless_damaged(result: Result<(), VerifyError>, report: &Report) -> Result<(), VerifyError> {
    match result {
        Err(VerifyError::Database(error))
            if matches!(fault(&error), SqlFault::Broken | SqlFault::Value) =>
        {
            report.fault("database", "hub.db", error.to_string(), DATABASE_REMEDY);
            Ok(())
        }
        result => result,
    }
}

/// Something of a store whose database is gone.
fn is_left_over(root: &Path) -> bool {
    root.join(KEY).exists() || root.join(SEGMENTS).exists()
}

/// The words for a value that cannot be read.
fn words(error: OpError) -> Result<String, VerifyError> {
    match error {
        OpError::Refused(error) => Ok(error.to_string()),
        OpError::Sql(error) if fault(&error) == SqlFault::Value => Ok(error.to_string()),
        OpError::Sql(error) => Err(error.into()),
    }
}

/// The name of a data file in messages: `device/file`.
fn place(device: &str, file: &str) -> String {
    format!("{device}/{file}")
}
