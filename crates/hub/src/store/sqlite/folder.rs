//! The data folder: its layout, its lock, and who may read it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::open_error::OpenError;
use super::partial_name::{Partial, PartialName};

/// No store comes near it; a larger number is none of its own.
const LARGEST_SEGMENT: u64 = 1 << 62;
pub(crate) const LOCK: &str = "hub.lock";
pub(crate) const DATABASE: &str = "hub.db";
const LOG: &str = "hub.db-wal";
pub(crate) const KEY: &str = crate::identity::KEY_FILE;
/// The settings of a hub, where they are in its data folder.
pub const SETTINGS: &str = "fleetlink.toml";
pub(crate) const SEGMENTS: &str = "segments";
const ORPHANED: &str = "orphaned";
pub(crate) const PARTIALS: &str = "partial";
pub(crate) const PYRAMIDS: &str = "pyramids";
pub(crate) const RESERVE: &str = "reserve";
/// The folder of a restore until it ends.
pub(crate) const RESTORING: &str = "restore.unfinished";
/// The beginning of the names of pyramids that are not whole.
const UNFINISHED: &str = "unfinished-";

/// A data folder that this process alone uses.
pub(super) struct Folder {
    root: PathBuf,
    /// Locked while it is open.
    _lock: File,
    /// Open for as long as the store is, so that a flush of their names needs no new descriptor.
    segments: FlushableFolder,
    partials: FlushableFolder,
}

impl Folder {
    /// Tells whether a folder holds a store, or what is left of one.
    pub(super) fn is_used(root: &Path) -> bool {
        // The lock is there from the first moment of a hub that is starting.
        [LOCK, DATABASE, LOG, KEY, RESTORING]
            .iter()
            .any(|name| root.join(name).exists())
            || has_segments(&root.join(SEGMENTS)).unwrap_or(true)
    }

    /// Makes what is missing of the folder and locks it.
    pub(super) fn open(root: &Path) -> Result<Self, OpenError> {
        make_private(root)?;
        // Absolute, since a relative name could read as a URI to SQLite, or change its meaning.
        let root = root.canonicalize().map_err(at(root))?;
        let lock_path = root.join(LOCK);
        let lock = open_or_make(&lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(root)),
            Err(TryLockError::Error(error)) => return Err(at(&lock_path)(error)),
        }
        // Before anything is made: a folder whose database is lost is left as it is.
        refuse_without_database(&root)?;
        make_private(&root.join(PYRAMIDS))?;
        let folder = Folder {
            segments: FlushableFolder::make(&root.join(SEGMENTS))?,
            partials: FlushableFolder::make(&root.join(PARTIALS))?,
            root,
            _lock: lock,
        };
        // SQLite gives its other files the mode of this one.
        open_or_make(&folder.database())?;
        sync_folder(&folder.root).map_err(at(&folder.root))?;
        Ok(folder)
    }

    /// Refuses to take an empty database for a new one where something else of a store is there.
    pub(super) fn refuse_as_new(&self) -> Result<(), OpenError> {
        refuse_as_new(&self.root)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn database(&self) -> PathBuf {
        self.root.join(DATABASE)
    }

    /// The path at which the database is rewritten before it takes its place.
    pub(super) fn rewritten(&self) -> PathBuf {
        self.root.join("hub.db.new")
    }

    /// The database's write-ahead log.
    pub(super) fn log(&self) -> PathBuf {
        self.root.join(LOG)
    }

    pub(super) fn reserve(&self) -> PathBuf {
        self.root.join(RESERVE)
    }

    pub(super) fn segments(&self) -> PathBuf {
        self.root.join(SEGMENTS)
    }

    pub(super) fn segment(&self, id: u64) -> PathBuf {
        self.segments().join(id.to_string())
    }

    /// Segments that no data file names are moved there, and never touched again.
    pub(super) fn orphaned(&self) -> PathBuf {
        self.segments().join(ORPHANED)
    }

    pub(super) fn pyramids(&self) -> PathBuf {
        self.root.join(PYRAMIDS)
    }

    pub(super) fn pyramid(&self, segment: u64) -> PathBuf {
        self.pyramids().join(segment.to_string())
    }

    /// A pyramid while it is built from a segment.
    pub(super) fn unfinished_pyramid(&self) -> PathBuf {
        self.pyramids().join(format!("{UNFINISHED}segment"))
    }

    /// A pyramid while its upload arrives.
    pub(super) fn arriving_pyramid(&self, upload: &PartialName) -> PathBuf {
        let PartialName { device, key } = upload;
        self.pyramids().join(format!("{UNFINISHED}{key}-{device}"))
    }

    pub(super) fn partials(&self) -> PathBuf {
        self.root.join(PARTIALS)
    }

    pub(super) fn partial(&self, partial: &Partial) -> PathBuf {
        self.partials().join(partial.file_name())
    }

    /// Makes the names of a finished upload durable: the new one, and that the old one is gone.
    pub(super) fn sync_renamed(&self) -> io::Result<()> {
        self.segments.flush()?;
        self.partials.flush()
    }

    /// The permission to remove files of segments; `None` while somebody who reads beside this store
    /// [keeps](keep_segments) them.
    pub(super) fn may_remove_segments(&self) -> Option<MayRemove<'_>> {
        #[cfg(unix)]
        match self.segments.folder.try_lock() {
            Err(TryLockError::WouldBlock) => return None,
            // Where there are no locks, nobody keeps anything by one.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        Some(MayRemove(&self.segments))
    }

    /// Makes the names of segments durable.
    pub(super) fn sync_segments(&self) -> io::Result<()> {
        self.segments.flush()
    }
}

/// The permission to remove files of segments, until it is dropped.
pub(super) struct MayRemove<'a>(
    #[cfg_attr(not(unix), expect(dead_code, reason = "without locks"))] &'a FlushableFolder,
);

impl Drop for MayRemove<'_> {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Err(error) = self.0.folder.unlock() {
            tracing::warn!(%error, "a backup or a check waits until the hub ends");
        }
    }
}

/// A folder whose names can be made durable.
struct FlushableFolder {
    #[cfg(unix)]
    folder: File,
}

impl FlushableFolder {
    fn make(path: &Path) -> Result<Self, OpenError> {
        make_private(path)?;
        Ok(FlushableFolder {
            #[cfg(unix)]
            folder: File::open(path).map_err(at(path))?,
        })
    }

    #[cfg(unix)]
    fn flush(&self) -> io::Result<()> {
        self.folder.sync_all()
    }

    /// Other systems keep names with the files they name.
    #[cfg(not(unix))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "it can fail elsewhere"
    )]
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps the files of segments that the database names from now on, until what this returns is
/// dropped: a hub that runs or starts meanwhile removes none. The lock is one of the folder itself, so
/// it ends with its process, and its file belongs to nobody else.
pub(super) fn keep_segments(root: &Path) -> io::Result<File> {
    let segments = File::open(root.join(SEGMENTS))?;
    segments.lock_shared()?;
    Ok(segments)
}

/// Tells whether a hub or a command uses the folder at this moment.
pub(super) fn is_in_use(root: &Path) -> bool {
    // It is given back at once; a hub that starts at this moment tries again.
    let lock = File::open(root.join(LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// A missing or empty database is a new one only where nothing else of a store is there. SQLite would
/// remove the log of an empty database.
fn refuse_without_database(root: &Path) -> Result<(), OpenError> {
    if size(&root.join(DATABASE)) > 0 {
        return Ok(());
    }
    refuse_cut_off(root)?;
    if size(&root.join(LOG)) > 0 {
        return Err(missing(root, LOG));
    }
    refuse_as_new(root)
}

/// A restore that was cut off has left no store. Only a repeated restore may use what it left.
pub(super) fn refuse_cut_off(root: &Path) -> Result<(), OpenError> {
    match root.join(RESTORING).exists() {
        true => Err(OpenError::RestoreCutOff(root.to_owned())),
        false => Ok(()),
    }
}

/// The hub's key and segments belong to a database that is lost.
fn refuse_as_new(root: &Path) -> Result<(), OpenError> {
    if size(&root.join(KEY)) > 0 {
        return Err(missing(root, KEY));
    }
    if has_segments(&root.join(SEGMENTS))? {
        return Err(missing(root, SEGMENTS));
    }
    Ok(())
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

fn missing(root: &Path, beside: &'static str) -> OpenError {
    OpenError::DatabaseMissing {
        folder: root.to_owned(),
        beside,
    }
}

/// Whether the folder has any file of a segment.
fn has_segments(segments: &Path) -> Result<bool, OpenError> {
    let entries = match fs::read_dir(segments) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        entries => entries.map_err(at(segments))?,
    };
    for entry in entries {
        let name = entry.map_err(at(segments))?.file_name();
        if name.to_str().and_then(segment_id).is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The number of a segment that was moved aside.
pub(super) fn orphaned_id(file_name: &str) -> Option<u64> {
    segment_id(file_name.split_once('-').map_or(file_name, |(id, _)| id))
}

/// Tells whether this is the name of a pyramid that is not whole.
pub(super) fn is_unfinished_pyramid(file_name: &str) -> bool {
    file_name.starts_with(UNFINISHED)
}

/// The id of a segment file, where this is the name of one.
pub(super) fn segment_id(file_name: &str) -> Option<u64> {
    let id: u64 = file_name.parse().ok()?;
    (id <= LARGEST_SEGMENT && id.to_string() == file_name).then_some(id)
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
pub(super) fn make_private(path: &Path) -> Result<(), OpenError> {
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
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Other systems keep names with the files they name.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
pub(super) fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_segments_are_read_back() {
        assert_eq!(segment_id("17"), Some(17));
        assert_eq!(segment_id("017"), None);
        assert_eq!(orphaned_id("17"), Some(17));
        assert_eq!(orphaned_id("17-2"), Some(17));
        assert_eq!(orphaned_id("notes-2"), None);
    }
}
