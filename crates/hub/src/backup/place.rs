//! The folder into which a backup is restored.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::error::{BackupError, at};
use super::files;
use super::workshop::Workshop;
use crate::identity::{CERTIFICATE_FILE, KEY_FILE};
use crate::store::sqlite::{
    DATABASE, LOCK, PARTIALS, PYRAMIDS, RESERVE, RESTORING, SEGMENTS, SETTINGS_FILE,
    make_private_folder, private_file,
};

/// The names that a restore puts there; the database is the last, and without it the folder is no
/// store.
const RESTORED: [&str; 8] = [
    KEY_FILE,
    CERTIFICATE_FILE,
    SETTINGS_FILE,
    RESERVE,
    SEGMENTS,
    PYRAMIDS,
    PARTIALS,
    DATABASE,
];

/// A new or empty folder, which no hub can use meanwhile. Unless it is filled it is as it was when this
/// is dropped.
pub(super) struct RestorePlace {
    root: PathBuf,
    workshop: Option<Workshop>,
    is_new: bool,
    is_filled: bool,
    _lock: File,
}

impl RestorePlace {
    pub(super) fn take(root: &Path) -> Result<Self, BackupError> {
        let is_new = fs::symlink_metadata(root).is_err();
        if !is_new {
            refuse_used(root)?;
        }
        make_private_folder(root)?;
        let lock_path = root.join(LOCK);
        let mut options = private_file();
        let options = options.write(true).create(true).truncate(false);
        let lock = options.open(&lock_path).map_err(at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::Busy(root.to_owned())),
            Err(TryLockError::Error(error)) => return Err(at(&lock_path)(error)),
        }
        let mut place = RestorePlace {
            root: root.to_owned(),
            workshop: None,
            is_new,
            is_filled: false,
            _lock: lock,
        };
        // Again, now that nobody else can fill it.
        refuse_used(root)?;
        place.workshop = Some(Workshop::open(&root.join(RESTORING), root)?);
        place.remove_restored()?;
        Ok(place)
    }

    /// A path for what is not restored.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(RESTORING).join(name)
    }

    /// Moves everything from this folder to its place. What could not be removed then is answered.
    pub(super) fn fill(mut self, from: &Path) -> Result<Option<PathBuf>, BackupError> {
        for name in RESTORED {
            // With the database it is a store: nothing fails behind that.
            if name == DATABASE {
                files::sync_folder(&self.root)?;
                // The folder's own name.
                let above = self.root.parent().unwrap_or(Path::new(""));
                files::sync_folder(above)?;
            }
            let (from, to) = (from.join(name), self.root.join(name));
            if fs::exists(&from).map_err(at(&from))? {
                fs::rename(&from, &to).map_err(at(&to))?;
            }
        }
        self.is_filled = true;
        files::sync_folder(&self.root)?;
        self.workshop = None;
        let left = self.path("");
        Ok(fs::exists(&left).unwrap_or(true).then_some(left))
    }

    /// Removes what a restore that was cut off has put there.
    fn remove_restored(&self) -> Result<(), BackupError> {
        for name in RESTORED {
            let path = self.root.join(name);
            let removed = match path.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            };
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(at(&path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for RestorePlace {
    fn drop(&mut self) {
        if !self.is_filled
            && self.workshop.is_some()
            && let Err(error) = self.remove_restored()
        {
            tracing::warn!(%error, "what was restored stays");
        }
        self.workshop = None;
        if !self.is_filled {
            let _ = fs::remove_file(self.root.join(LOCK));
            if self.is_new {
                // Unless somebody has put something there.
                let _ = fs::remove_dir(&self.root);
            }
        }
    }
}

/// A folder is empty, or has what a restore that was cut off has left.
fn refuse_used(root: &Path) -> Result<(), BackupError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root).map_err(at(root))? {
        names.push(entry.map_err(at(root))?.file_name());
    }
    let is_cut_off =
        names.iter().any(|name| name == RESTORING) && !names.iter().any(|name| name == DATABASE);
    let is_ours = |name: &std::ffi::OsString| {
        name == LOCK
            || is_cut_off && (name == RESTORING || RESTORED.iter().any(|restored| name == restored))
    };
    match names.iter().all(is_ours) {
        true => Ok(()),
        false => Err(BackupError::NotEmpty(root.to_owned())),
    }
}
