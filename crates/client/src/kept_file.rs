//! Small files of the state folder that several processes read and change: private, replaced whole,
//! one change at a time.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::device_keys::make_folder;
use crate::temporary::{Existing, Temporary};
use crate::{Error, Result};

/// Reads or changes a small file away from the runtime's threads: another process may hold its lock
/// for a while.
///
/// # Errors
/// As of `change`.
pub async fn off_runtime<T: Send + 'static>(
    change: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let changed = tokio::task::spawn_blocking(change).await;
    changed.unwrap_or_else(|died| Err(Error::died(died)))
}

/// One of them, of mode 0600, with the lock for its changes beside it.
#[derive(Debug, Clone)]
pub(crate) struct KeptFile {
    folder: PathBuf,
    name: &'static str,
}

impl KeptFile {
    /// The file of this name in this folder, which is made at the first change.
    pub(crate) fn new(folder: PathBuf, name: &'static str) -> Self {
        KeptFile { folder, name }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(self.name)
    }

    /// Its content; nothing where there is none.
    pub(crate) fn read(&self) -> Result<String> {
        let path = self.path();
        match fs::read_to_string(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            read => read.map_err(|e| Error::state(&path, e)),
        }
    }

    /// Has its content replaced by what `change` makes of it; durable when this returns. Other
    /// processes that change it wait meanwhile.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&str) -> Result<(String, T)>) -> Result<T> {
        make_folder(&self.folder).map_err(|e| Error::state(&self.folder, e))?;
        let lock_path = self.folder.join(format!("{}.lock", self.name));
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(|e| Error::state(&lock_path, e))?;
        lock.lock().map_err(|e| Error::state(&lock_path, e))?;
        let before = self.read()?;
        let (after, done) = change(&before)?;
        if after != before {
            let path = self.path();
            write(&path, &after).map_err(|e| Error::state(&path, e))?;
        }
        Ok(done)
    }
}

fn write(path: &Path, content: &str) -> io::Result<()> {
    let temporary = Temporary::beside(path, 0o600)?;
    temporary.file().write_all(content.as_bytes())?;
    temporary.place(Existing::Replace)
}
