//! Files that appear whole or not at all.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// What becomes of a file that is already where a new one shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the new one is refused.
    Keep,
    /// The new one takes its place at once.
    Replace,
}

/// A file under a hidden name beside `path`, gone when dropped, `path` itself once placed.
pub(crate) struct Temporary {
    file: NamedTempFile,
    path: PathBuf,
}

impl Temporary {
    /// Opens one in the folder of `path` with these permissions (less the umask).
    pub(crate) fn beside(path: &Path, mode: u32) -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = folder_of(path);
        let file = Builder::new()
            .prefix(".fleetlink-")
            .suffix(".part")
            .permissions(std::fs::Permissions::from_mode(mode))
            .tempfile_in(folder)?;
        Ok(Temporary {
            file,
            path: path.to_owned(),
        })
    }

    pub(crate) fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Makes the content durable and gives the file its name.
    pub(crate) fn place(self, existing: Existing) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        match existing {
            Existing::Keep => self.file.persist_noclobber(&self.path),
            Existing::Replace => self.file.persist(&self.path),
        }
        .map_err(|e| e.error)?;
        File::open(folder_of(&self.path))?.sync_all()
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
