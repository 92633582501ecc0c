//! Reading and writing the bytes of parts, checked against their hashes.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use fleetlink_proto::ContentHash;

use super::error::{BackupError, at};
use super::manifest::Member;
use crate::store::sqlite::private_file;
use crate::watch::Watch;

/// The pieces in which files are read.
const PIECE_BYTES: usize = 1 << 20;

/// The reason why bytes did not get from one place to the other.
pub(super) enum CopyError {
    /// They could not be read, or are others.
    Source(String),
    /// They could not be written.
    Target(io::Error),
    Stopped(crate::watch::Stopped),
}

impl CopyError {
    /// The error where the source is a backup.
    pub(super) fn of_backup(self, member: &Member, target: &Path) -> BackupError {
        match self {
            CopyError::Source(fault) => BackupError::damaged(member.part, fault),
            CopyError::Target(error) => at(target)(error),
            CopyError::Stopped(stopped) => stopped.into(),
        }
    }
}

/// Copies all bytes of a part, and compares them with its length and hash.
pub(super) fn copy(
    source: &mut dyn Read,
    member: &Member,
    target: &mut dyn Write,
    watch: &Watch,
) -> Result<(), CopyError> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut hasher = blake3::Hasher::new();
    // One byte more than there should be shows that there are too many.
    let mut source = source.take(member.bytes.saturating_add(1));
    loop {
        let read = match source.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::Source(format!("it cannot be read: {error}"))),
        };
        hasher.update(&piece[..read]);
        if hasher.count() <= member.bytes {
            target
                .write_all(&piece[..read])
                .map_err(CopyError::Target)?;
        }
        watch.add(read as u64).map_err(CopyError::Stopped)?;
    }
    let fault = |fault: &str| Err(CopyError::Source(fault.to_owned()));
    match hasher.count() {
        count if count < member.bytes => fault("it ends too early"),
        count if count > member.bytes => fault("it is longer than it should be"),
        _ if ContentHash::from(hasher.finalize()) != member.blake3 => {
            fault("its bytes are not those of its hash")
        }
        _ => Ok(()),
    }
}

/// The length and hash of a file.
pub(super) fn hash(path: &Path, watch: &Watch) -> Result<(u64, ContentHash), BackupError> {
    let mut file = File::open(path).map_err(at(path))?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut hasher = blake3::Hasher::new();
    loop {
        let read = file.read(&mut piece).map_err(at(path))?;
        if read == 0 {
            return Ok((hasher.count(), hasher.finalize().into()));
        }
        hasher.update(&piece[..read]);
        watch.check()?;
    }
}

/// A new file for the user alone.
pub(super) fn create(path: &Path) -> Result<File, BackupError> {
    let mut options = private_file();
    let opened = options.read(true).write(true).create_new(true).open(path);
    opened.map_err(at(path))
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), BackupError> {
    let path = match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    };
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(at(path))
}

/// Gives a finished file its name.
pub(super) fn rename(from: &Path, to: &Path, replace: bool) -> Result<(), BackupError> {
    if replace {
        return fs::rename(from, to).map_err(at(to));
    }
    let renamed = rename_new(from, to);
    renamed.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
        _ => at(to)(error),
    })
}

/// A name that is there is never taken, whatever happens at the same moment.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // A file system that cannot.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
            result => return Ok(result?),
        }
    }
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}
