//! The embedded store: the suite, and what only it has.

mod audit;
mod backups;
mod columns;
mod damage;
mod damaged_backups;
mod disk_full;
#[cfg(target_os = "linux")]
mod failing_disk;
#[cfg(target_os = "linux")]
mod faults;
mod folder;
mod hostile;
mod kept;
mod killed;
mod merging;
mod million;
mod quotas;
mod restart;
mod restore;
mod retention;
mod space;
mod upgrade;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleetlink_hub::store::Store;
use fleetlink_hub::store::sqlite::SqliteStore;
use tempfile::TempDir;

use crate::suite::{Subject, every_case};

pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn fresh() -> Self {
        Folder(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn store(&self) -> SqliteStore {
        SqliteStore::open(self.path()).unwrap()
    }

    /// The files of a part of the folder.
    pub(crate) fn files(&self, part: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path().join(part)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

impl Subject for Folder {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.store())
    }
}

mod suite {
    use super::{Folder, every_case};

    every_case!(Folder::fresh());
}
