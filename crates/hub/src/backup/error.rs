//! The reason why a backup was not made, read or restored.

use std::io;
use std::path::{Path, PathBuf};

use fleetlink_proto::Escaped;

use crate::store::sqlite::{DATABASE, OpenError, Verified, VerifyError};
use crate::watch::Stopped;

/// The reason why a backup was not made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The hub's store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The hub's data are damaged, so a backup of them would be too.
    #[error(
        "the hub's data are damaged: {part}: {fault}; nothing was written; `fleetlink verify` names \
         every fault and what to do"
    )]
    DamagedStore { part: String, fault: String },
    /// The database cannot be copied or read.
    #[error("the database cannot be copied: {0}")]
    Database(rusqlite::Error),
    /// There is a file of this name.
    #[error("{} is there already: name another file, or replace it with --replace", .0.display())]
    Exists(PathBuf),
    /// Another process makes a backup there.
    #[error("another backup or restore is at work in {}", .0.display())]
    Busy(PathBuf),
    /// The folder has something else in it.
    #[error("{} is not empty and holds no backups: name a new folder for them", .0.display())]
    NoBackupFolder(PathBuf),
    /// The folder of the file is missing.
    #[error("there is no folder {} for the backup's file: make it first, or look at its name", .0.display())]
    NoFolder(PathBuf),
    /// Nothing can be restored there.
    #[error("{} is not empty: a backup is restored into a new or empty folder only", .0.display())]
    NotEmpty(PathBuf),
    /// It is no backup.
    #[error("{} is no backup of a hub: {why}", .path.display())]
    NoBackup { path: PathBuf, why: String },
    /// The folder has no backup of this name.
    #[error("there is no backup {name} in {}; there are: {there}", .folder.display())]
    NoManifest {
        folder: PathBuf,
        name: String,
        there: String,
    },
    /// A part of the backup is not what it was.
    #[error("the backup is damaged: {part}: {fault}; take another backup")]
    Damaged { part: String, fault: String },
    /// Parts of the backup are not what they were: one sentence for each.
    #[error("{}", .0.join("\n"))]
    Faults(Vec<String>),
    /// It was made by a later version.
    #[error(
        "the backup has format {found}, and this version reads formats up to {known}: restore it \
         with the version {by} of fleetlink that made it, or a later one"
    )]
    Newer { found: u64, known: u64, by: String },
    /// The store in it was written by a later version.
    #[error(
        "the store in the backup has format {found}, and this version reads formats up to {known}: \
         restore it with the version {by} of fleetlink that made it, or a later one"
    )]
    NewerStore { found: u64, known: u64, by: String },
    /// A file or folder cannot be used.
    #[error("{}: {error}", .path.display())]
    Io {
        path: PathBuf,
        #[source]
        error: io::Error,
    },
    /// The restored data cannot be checked.
    #[error("the restored data cannot be checked: {0}")]
    Unchecked(VerifyError),
    /// Somebody stopped it.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OperationInterrupted) => BackupError::Stopped(Stopped),
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                BackupError::DamagedStore {
                    part: "hub.db".to_owned(),
                    fault: error.to_string(),
                }
            }
            _ => BackupError::Database(error),
        }
    }
}

impl From<VerifyError> for BackupError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Stopped(stopped) => stopped.into(),
            error => BackupError::Unchecked(error),
        }
    }
}

impl BackupError {
    /// A part of the backup is not what it was.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "texts that are made for this call"
    )]
    pub(super) fn damaged(part: impl ToString, fault: impl ToString) -> Self {
        // Names and faults may be texts of the backup.
        BackupError::Damaged {
            part: Escaped(&part.to_string()).to_string(),
            fault: Escaped(&fault.to_string()).to_string(),
        }
    }

    /// The error of a backup's database that is changed here: its own, or that of the disk here.
    pub(super) fn of_database(error: OpenError) -> Self {
        match BackupError::Store(error) {
            error @ BackupError::Store(OpenError::Io { .. }) => error,
            error if error.is_full() => error,
            error => BackupError::damaged(DATABASE, error),
        }
    }

    /// Whether there was no room.
    pub(super) fn is_full(&self) -> bool {
        match self {
            BackupError::Io { error, .. } => matches!(
                error.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ),
            BackupError::Database(error) | BackupError::Store(OpenError::Database(error)) => {
                error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
            }
            BackupError::Store(OpenError::LogLeft(_)) => true,
            _ => false,
        }
    }
}

/// The sentences of a check's faults.
pub(super) fn sentences(found: &Verified) -> Vec<String> {
    let faults = found.faults.iter();
    let mut sentences: Vec<String> = faults
        .map(|fault| BackupError::damaged(&fault.place, &fault.fault).to_string())
        .collect();
    if found.more_faults > 0 {
        sentences.push(format!("and {} more faults", found.more_faults));
    }
    sentences
}

/// Says at which path something failed.
pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> BackupError {
    let path = path.to_owned();
    move |error| BackupError::Io {
        path: path.clone(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn a_full_disk_is_no_damage_of_a_backup() {
        let of = |code| {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            BackupError::of_database(OpenError::Database(error))
        };
        assert!(of(ffi::SQLITE_FULL).is_full());
        let damaged = of(ffi::SQLITE_CORRUPT);
        assert!(matches!(damaged, BackupError::Damaged { .. }), "{damaged}");
    }
}
