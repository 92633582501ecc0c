//! The data folder: its layout, its lock, and who may read it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use fleetlink_proto::{DeviceName, IdempotencyKey};

use super::open_error::OpenError;

/// A data folder that this process alone uses.
pub(super) struct Folder {
    root: PathBuf,
    /// Locked while it is open.
    _lock: File,
}

impl Folder {
    /// Makes what is missing of the folder and locks it.
    pub(super) fn open(root: &Path) -> Result<Self, OpenError> {
        make_private(root)?;
        // Absolute, since a relative name could read as a URI to SQLite, or change its meaning.
        let root = root.canonicalize().map_err(at(root))?;
        let lock_path = root.join("hub.lock");
        let lock = open_or_make(&lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(root)),
            Err(TryLockError::Error(error)) => return Err(at(&lock_path)(error)),
        }
        let folder = Folder { root, _lock: lock };
        make_private(&folder.segments())?;
        make_private(&folder.partials())?;
        // SQLite gives its other files the mode of this one.
        open_or_make(&folder.database())?;
        sync_folder(&folder.root).map_err(at(&folder.root))?;
        Ok(folder)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn database(&self) -> PathBuf {
        self.root.join("hub.db")
    }

    pub(super) fn reserve(&self) -> PathBuf {
        self.root.join("reserve")
    }

    pub(super) fn segments(&self) -> PathBuf {
        self.root.join("segments")
    }

    pub(super) fn segment(&self, id: u64) -> PathBuf {
        self.segments().join(id.to_string())
    }

    pub(super) fn partials(&self) -> PathBuf {
        self.root.join("partial")
    }

    pub(super) fn partial(&self, name: &PartialName) -> PathBuf {
        self.partials().join(name.file_name())
    }

    /// Makes the names of a finished upload durable: the new one, and that the old one is gone.
    pub(super) fn sync_renamed(&self) -> io::Result<()> {
        sync_folder(&self.segments())?;
        sync_folder(&self.partials())
    }
}

/// Names the file of an upload that is not finished.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PartialName {
    pub(super) device: DeviceName,
    pub(super) key: IdempotencyKey,
}

impl PartialName {
    /// Safe as a name in any file system, since both parts are parsed: no separator, no leading dot,
    /// at most 102 bytes, and no device name that Windows reserves.
    fn file_name(&self) -> String {
        format!("{}-{}.part", self.key, self.device)
    }

    pub(super) fn parse(file_name: &str) -> Option<Self> {
        let (key, device) = file_name.strip_suffix(".part")?.split_once('-')?;
        Some(PartialName {
            device: device.parse().ok()?,
            key: key.parse().ok()?,
        })
    }
}

/// The id of a segment file, where this is the name of one.
pub(super) fn segment_id(file_name: &str) -> Option<u64> {
    let id: u64 = file_name.parse().ok()?;
    (id.to_string() == file_name).then_some(id)
}

/// Says at which path something failed.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |error| OpenError::Io { path, error }
}

/// A new file is for the hub's user alone.
pub(super) fn private() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "other systems have no mode"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn open_or_make(path: &Path) -> Result<File, OpenError> {
    let mut options = private();
    options.write(true).create(true).truncate(false);
    options.open(path).map_err(at(path))
}

/// A folder that is there keeps its mode: it may be one that the operator chose.
fn make_private(path: &Path) -> Result<(), OpenError> {
    if path == Path::new("") || fs::exists(path).map_err(at(path))? {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new(""));
    make_private(parent)?;
    #[cfg_attr(not(unix), expect(unused_mut, reason = "other systems have no mode"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(at(path))?;
    // A relative path of one part has an empty parent, which is the working directory.
    sync_folder(&Path::new(".").join(parent)).map_err(at(path))
}

/// Makes the names in a folder durable.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Other systems keep names with the files they name.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_partial_files_are_read_back() {
        for device in ["x", "a-b", "part.", "uav-camera.part"] {
            let name = PartialName {
                device: device.parse().unwrap(),
                key: IdempotencyKey::from_bits(7),
            };
            assert_eq!(PartialName::parse(&name.file_name()), Some(name));
        }
        for other in ["", ".part", "notes.txt", "00-x.part"] {
            assert_eq!(PartialName::parse(other), None);
        }
        assert_eq!(segment_id("17"), Some(17));
        assert_eq!(segment_id("017"), None);
    }
}
