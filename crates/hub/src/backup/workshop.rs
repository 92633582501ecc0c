//! The folder in which something is made before it gets its name.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::error::{BackupError, at};
use crate::store::sqlite::{make_private_folder, private_file};

const LOCK: &str = "lock";

/// A folder of one process. It is removed with this; what a process that was killed has left is
/// removed by the next one.
pub(super) struct Workshop {
    path: PathBuf,
    _lock: File,
}

impl Workshop {
    /// Makes the folder; `whose` is named if another process has it.
    pub(super) fn open(path: &Path, whose: &Path) -> Result<Self, BackupError> {
        make_private_folder(path)?;
        let lock_path = path.join(LOCK);
        let mut options = private_file();
        let options = options.write(true).create(true).truncate(false);
        let lock = options.open(&lock_path).map_err(at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::Busy(whose.to_owned())),
            Err(TryLockError::Error(error)) => return Err(at(&lock_path)(error)),
        }
        let workshop = Workshop {
            path: path.to_owned(),
            _lock: lock,
        };
        workshop.clear()?;
        Ok(workshop)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn clear(&self) -> Result<(), BackupError> {
        for entry in fs::read_dir(&self.path).map_err(at(&self.path))? {
            let entry = entry.map_err(at(&self.path))?;
            if entry.file_name() == LOCK {
                continue;
            }
            let path = entry.path();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let removed = match is_folder {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            removed.map_err(at(&path))?;
        }
        Ok(())
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %self.path.display(), %error, "unfinished work stays");
            }
            _ => {}
        }
    }
}
