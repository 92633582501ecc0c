//! Backups of a hub's data, and the way back.
//!
//! A backup is the store at one moment: a copy of its database, exactly the segments that this copy
//! names, the hub's key with its statements, its certificate and its settings file. It is made beside
//! the running hub: the files that the copy names [stay](crate::store::sqlite) until they are read.
//! It lacks the parts that a hub makes anew: pyramids, log files, the reserve. Neither are uploads that were
//! not committed.
//!
//! It is one file, a tar archive, or a folder that several backups share:
//!
//! ```text
//! FILE                      fleetlink-backup.ndjson, then the parts in its order
//! DIR/fleetlink-backups     marks the folder
//! DIR/manifests/NAME        one for each backup
//! DIR/objects/ab/cdef...    the parts, by their hash
//! DIR/unfinished/           a backup that is being made
//! ```
//!
//! The manifest has a line for each part with its length and hash, and at its end its own hash.

mod archive;
mod check;
mod error;
mod files;
mod folder;
mod manifest;
mod part;
mod place;
mod reading;
mod references;
mod restore;
mod take;
mod workshop;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use self::check::BackupVerified;
pub use self::error::BackupError;
pub use self::manifest::BackupInfo;
pub use self::restore::Restored;
use self::workshop::Workshop;
use crate::watch::Watch;

/// The order to make a backup.
#[derive(Debug, Clone)]
pub struct BackupOrder {
    /// The hub's data.
    pub data: PathBuf,
    /// The file or folder of the backup.
    pub to: BackupPlace,
}

/// The place of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupPlace {
    /// One file.
    File {
        path: PathBuf,
        /// Whether it may take the place of a file that is there.
        replace: bool,
    },
    /// A folder that several backups share.
    Folder {
        path: PathBuf,
        /// The number of backups to keep there; the oldest beyond it go.
        keep: Option<usize>,
    },
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// Its file or folder.
    pub to: PathBuf,
    /// Its name in a folder.
    pub manifest: Option<String>,
    /// Its content.
    pub backup: BackupInfo,
    /// Bytes that were written; others were in the folder already.
    pub written: u64,
    /// Backups that were removed from the folder.
    pub removed: usize,
    /// The reason why older ones, or what none of them needs, were not removed.
    pub not_removed: Option<String>,
}

/// The order to restore a backup.
#[derive(Debug, Clone)]
pub struct RestoreOrder {
    /// The file or folder of the backup.
    pub from: PathBuf,
    /// The name or the number of the backup in a folder; else the newest.
    pub at: Option<String>,
    /// The new or empty folder.
    pub data: PathBuf,
    /// Whether what is whole is restored from a damaged backup too.
    pub despite_damage: bool,
}

/// Makes a backup. Blocking.
///
/// # Errors
/// The store or the place cannot be used, or somebody stopped it. Nothing of it is then under its
/// name.
pub fn back_up(order: &BackupOrder, watch: &Watch) -> Result<BackedUp, BackupError> {
    match &order.to {
        BackupPlace::File { path, replace } => archive::write(&order.data, path, *replace, watch),
        BackupPlace::Folder { path, keep } => folder::add(&order.data, path, *keep, watch),
    }
}

/// Restores a backup into a folder that is new or empty. Blocking.
///
/// # Errors
/// The backup is damaged, newer or none, or somebody stopped it. The folder is then as it was.
pub fn restore(order: &RestoreOrder, watch: &Watch) -> Result<Restored, BackupError> {
    restore::restore(order, watch)
}

/// Checks a backup, or all of a folder. Blocking.
///
/// # Errors
/// There is none, or it cannot be read. Faults of a folder's backups are part of the result.
pub fn verify_backup(
    from: &Path,
    at: Option<&str>,
    watch: &Watch,
) -> Result<BackupVerified, BackupError> {
    check::verify(from, at, watch)
}
