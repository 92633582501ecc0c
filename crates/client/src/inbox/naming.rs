//! Gives a file its final name without replacing anything, as well as its file system can.

use std::io;

use cap_std::fs::{Dir, MetadataExt as _, OpenOptions};
use rustix::fs::{RenameFlags, renameat_with};

/// The way to name files that a file system supports, found when the folder is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// A rename that replaces nothing.
    Rename,
    /// A second name, which replaces nothing either; then the first one goes.
    Link,
    /// Neither. The name is taken by an empty file of our own first, which is then replaced. A crash
    /// between the two leaves that file.
    Reserve,
}

impl Naming {
    /// Tries with the file `from`, which is `to` afterwards.
    pub(super) fn find(dir: &Dir, from: &str, to: &str) -> io::Result<Self> {
        let ways = [Naming::Rename, Naming::Link];
        let found = ways.into_iter().find(|way| way.give(dir, from, to).is_ok());
        match found {
            Some(way) => Ok(way),
            None => Naming::Reserve
                .give(dir, from, to)
                .map(|()| Naming::Reserve),
        }
    }

    /// Gives the file another name in this folder. `AlreadyExists` where that is taken, by whatever.
    pub(super) fn give(self, dir: &Dir, from: &str, to: &str) -> io::Result<()> {
        match self {
            Naming::Rename => Ok(renameat_with(dir, from, dir, to, RenameFlags::NOREPLACE)?),
            Naming::Link => {
                dir.hard_link(from, dir, to)?;
                dir.remove_file(from)
            }
            Naming::Reserve => {
                let mut new = OpenOptions::new();
                let ours = dir.open_with(to, new.write(true).create_new(true))?;
                let (ours, named) = (ours.metadata()?, dir.symlink_metadata(to)?);
                if (ours.dev(), ours.ino()) != (named.dev(), named.ino()) {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                dir.rename(from, dir, to).inspect_err(|_| {
                    // It was ours, and empty.
                    let _ = dir.remove_file(to);
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn no_way_of_naming_replaces_anything() {
        for way in [Naming::Rename, Naming::Link, Naming::Reserve] {
            let folder = tempfile::tempdir().unwrap();
            let path = |name: &str| folder.path().join(name);
            let dir = Dir::from_std_file(fs::File::open(folder.path()).unwrap());
            fs::write(path("part"), b"new").unwrap();
            fs::write(path("taken"), b"old").unwrap();
            std::os::unix::fs::symlink("nowhere", path("link")).unwrap();
            fs::create_dir(path("folder")).unwrap();
            for taken in ["taken", "link", "folder"] {
                let error = way.give(&dir, "part", taken).unwrap_err();
                assert_eq!(
                    error.kind(),
                    io::ErrorKind::AlreadyExists,
                    "{way:?} {taken}"
                );
            }
            assert_eq!(fs::read(path("taken")).unwrap(), b"old");
            way.give(&dir, "part", "free").unwrap();
            assert_eq!(fs::read(path("free")).unwrap(), b"new");
            assert!(!path("part").exists() && !path("nowhere").exists());
            way.give(&dir, "part", "none").unwrap_err();
            assert!(!path("none").exists(), "{way:?} leaves nothing");
        }
    }
}
