//! The folder of an inbox, held open: nothing is reached by a path from outside it.

use std::io;
use std::path::Path;

use cap_std::fs::{Dir, File, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use rustix::fs::fstatvfs;

use super::naming::Naming;
use crate::partial::{self, is_partial};

/// A folder.
#[derive(Debug)]
pub(super) struct Folder {
    dir: Dir,
    naming: Naming,
    #[cfg(test)]
    pub(super) fails_to_sync: std::sync::atomic::AtomicBool,
}

impl Folder {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        // Not `open_ambient_dir`: what that opens cannot be made durable (O_PATH).
        let folder = std::fs::File::open(path)?;
        if !folder.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let dir = Dir::from_std_file(folder);
        let mut folder = Folder {
            dir,
            naming: Naming::Rename,
            #[cfg(test)]
            fails_to_sync: std::sync::atomic::AtomicBool::new(false),
        };
        folder.naming = folder.try_naming().map_err(unwritable)?;
        Ok(folder)
    }

    /// Makes a file and names it, so that a folder which takes none is found out before it is
    /// offered one.
    fn try_naming(&self) -> io::Result<Naming> {
        let (_file, hidden) = self.create_partial()?;
        let stem = hidden.trim_end_matches(partial::SUFFIX);
        let named = format!("{stem}-named{}", partial::SUFFIX);
        let found = Naming::find(&self.dir, &hidden, &named);
        let _ = self.dir.remove_file(&hidden);
        let _ = self.dir.remove_file(&named);
        found
    }

    /// Bytes that somebody without privileges may still use on its disk. One that tells of no free
    /// block at all, as some file systems do that count none, has room until a write fails.
    pub(super) fn free_bytes(&self) -> io::Result<u64> {
        let disk = fstatvfs(&self.dir)?;
        match disk.f_bavail {
            0 => Ok(u64::MAX),
            free => Ok(free.saturating_mul(disk.f_frsize)),
        }
    }

    /// Bytes of the complete regular files in it.
    pub(super) fn held_bytes(&self) -> io::Result<u64> {
        let mut sum = 0_u64;
        for entry in self.dir.entries()? {
            let entry = entry?;
            let metadata = match entry.metadata() {
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                metadata => metadata?,
            };
            let name = entry.file_name();
            if metadata.is_file() && !is_partial(&name) {
                sum = sum.saturating_add(metadata.len());
            }
        }
        Ok(sum)
    }

    /// A new file under a new hidden name, this process's own for as long as it is open.
    pub(super) fn create_partial(&self) -> io::Result<(File, String)> {
        partial::create(&self.dir, || self.create_hidden())
    }

    fn create_hidden(&self) -> io::Result<(File, String)> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let random = u64::from_ne_bytes(random);
        let name = format!("{}{random:016x}{}", partial::PREFIX, partial::SUFFIX);
        let mut options = OpenOptions::new();
        let file = self
            .dir
            .open_with(&name, options.write(true).create_new(true).mode(0o666))?;
        Ok((file, name))
    }

    /// Gives a partial file its final name. `AlreadyExists` where that is taken, by whatever.
    pub(super) fn place(&self, file: &File, partial: &str, name: &str) -> io::Result<()> {
        let (ours, named) = (file.metadata()?, self.dir.symlink_metadata(partial)?);
        if (ours.dev(), ours.ino()) != (named.dev(), named.ino()) {
            return Err(io::Error::other("somebody changed the partial file's name"));
        }
        self.naming.give(&self.dir, partial, name)
    }

    /// Takes the final name away again, where it is still this file's.
    pub(super) fn take_back(&self, file: &File, name: &str) -> io::Result<()> {
        let (ours, named) = (file.metadata()?, self.dir.symlink_metadata(name)?);
        match (ours.dev(), ours.ino()) == (named.dev(), named.ino()) {
            true => self.dir.remove_file(name),
            false => Ok(()),
        }
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        self.dir.remove_file(name)
    }

    /// Makes names durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        if self
            .fails_to_sync
            .load(std::sync::atomic::Ordering::Relaxed)
        {
            return Err(io::Error::other("the disk failed"));
        }
        Ok(rustix::fs::fsync(&self.dir)?)
    }

    /// Whether there is something of this name, whatever it is.
    pub(super) fn holds(&self, name: &str) -> io::Result<bool> {
        match self.dir.symlink_metadata(name) {
            Ok(_) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Removes partial files that nobody writes any more; how many.
    pub(super) fn remove_leftovers(&self) -> usize {
        partial::remove_abandoned(&self.dir)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err takes")]
fn unwritable(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("it takes no files: {error}"))
}
