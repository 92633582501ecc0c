//! Files that appear whole or not at all.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::partial::{self, Listed};

/// The rule for a file that is already where a new one shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the new one is refused: `ErrorKind::File`, of which `io()` is `AlreadyExists`.
    Keep,
    /// The new one takes its place at once.
    Replace,
}

impl Existing {
    /// It stays unless that is forced.
    pub fn forced(force: bool) -> Self {
        match force {
            true => Existing::Replace,
            false => Existing::Keep,
        }
    }

    /// Refuses a new file here as far as the one that is there says so. A link is replaced itself; a
    /// pipe, a socket or a device is not a file's content, and stays.
    pub(crate) fn check(self, path: &Path) -> io::Result<()> {
        match (self, path.symlink_metadata()) {
            (Existing::Keep, _) if path.exists() => Err(io::ErrorKind::AlreadyExists.into()),
            (Existing::Replace, Ok(found)) if found.is_dir() => {
                Err(io::ErrorKind::IsADirectory.into())
            }
            (Existing::Replace, Ok(found)) if !found.is_file() && !found.is_symlink() => {
                let why = "it is a pipe, a socket or a device, which is not replaced by a file";
                Err(io::Error::new(io::ErrorKind::InvalidInput, why))
            }
            _ => Ok(()),
        }
    }
}

/// A file under a hidden name beside `path`, gone when dropped, `path` itself once placed.
pub(crate) struct Temporary {
    file: NamedTempFile,
    path: PathBuf,
    _listed: Listed,
}

impl Temporary {
    /// Opens one in the folder of `path` with these permissions (less the umask). What a killed
    /// process left there is removed.
    pub(crate) fn beside(path: &Path, mode: u32) -> io::Result<Self> {
        let folder = folder_of(path);
        let handle = File::open(folder)?;
        let abandoned = partial::remove_abandoned(&handle);
        if abandoned > 0 {
            tracing::info!(abandoned, "removed incomplete files of an earlier run");
        }
        let (file, _) = partial::create(&handle, || {
            let file = create(folder, mode)?;
            let name = file.path().file_name().unwrap_or_default().to_owned();
            Ok((file, name))
        })?;
        let hidden = file.path().to_owned();
        let remove = move || drop(std::fs::remove_file(&hidden));
        Ok(Temporary {
            file,
            path: path.to_owned(),
            _listed: Listed::new(remove)?,
        })
    }

    pub(crate) fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Makes the content durable and gives the file its name.
    pub(crate) fn place(self, existing: Existing) -> io::Result<()> {
        existing.check(&self.path)?;
        self.file.as_file().sync_all()?;
        match existing {
            Existing::Keep => self.file.persist_noclobber(&self.path),
            Existing::Replace => self.file.persist(&self.path),
        }
        .map_err(|e| e.error)?;
        File::open(folder_of(&self.path))?.sync_all()
    }
}

/// Has a file written that appears under its name only when it is whole and durable. Dropped before
/// that, it leaves nothing.
///
/// # Errors
/// `write` failed, or the file cannot be made: `failed` says what the caller calls that.
pub async fn write_whole<T, E>(
    path: &Path,
    existing: Existing,
    failed: impl Fn(io::Error) -> E,
    write: impl AsyncFnOnce(&mut tokio::fs::File) -> Result<T, E>,
) -> Result<T, E> {
    existing.check(path).map_err(&failed)?;
    let temporary = Temporary::beside(path, 0o666).map_err(&failed)?;
    let handle = temporary.file().try_clone().map_err(&failed)?;
    let mut target = tokio::fs::File::from_std(handle);
    let written = write(&mut target).await?;
    let placed = tokio::task::spawn_blocking(move || temporary.place(existing)).await;
    placed.map_err(io::Error::other).flatten().map_err(failed)?;
    Ok(written)
}

fn create(folder: &Path, mode: u32) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;

    Builder::new()
        .prefix(partial::PREFIX)
        .suffix(partial::SUFFIX)
        .permissions(std::fs::Permissions::from_mode(mode))
        .tempfile_in(folder)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn the_next_one_removes_what_is_left_and_nothing_that_lives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let left = folder.path().join(".fleetlink-left.part");
        fs::write(&left, "left").unwrap();
        let living = Temporary::beside(&path, 0o666).unwrap();
        assert_eq!(names(folder.path()).len(), 1, "what was left is gone");
        let other = Temporary::beside(&folder.path().join("y"), 0o666).unwrap();
        living.file().write_all(b"1").unwrap();
        living.place(Existing::Keep).unwrap();
        drop(other);
        assert_eq!(names(folder.path()), ["x"]);
    }

    /// Somebody removes left-overs all the time; each file that is made survives nevertheless.
    #[test]
    fn a_file_is_its_maker_s_from_the_first_moment() {
        let folder = tempfile::tempdir().unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let handle = File::open(folder.path()).unwrap();
                    while !done.load(Ordering::Relaxed) {
                        partial::remove_abandoned(&handle);
                    }
                });
            }
            for number in 0..300 {
                let path = folder.path().join(number.to_string());
                let file = Temporary::beside(&path, 0o666).unwrap();
                std::thread::yield_now();
                file.place(Existing::Keep).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(names(folder.path()).len(), 300);
    }

    /// A name at which something else than a file is: a socket here, as a pipe or a device would be.
    #[test]
    fn only_files_and_links_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let new = Temporary::beside(&path, 0o666).unwrap();
        let refused = new.place(Existing::Replace).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{refused}");
        assert!(!path.symlink_metadata().unwrap().is_file());
        assert_eq!(names(folder.path()), ["x"]);
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let new = Temporary::beside(&link, 0o666).unwrap();
        new.place(Existing::Replace).unwrap();
        assert!(link.symlink_metadata().unwrap().is_file());
        assert!(!target.exists());
    }

    /// Nothing is asked of the hub for a file that cannot be placed.
    #[tokio::test]
    async fn a_name_that_cannot_be_replaced_is_refused_before_the_work() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let never = async |_: &mut tokio::fs::File| -> io::Result<()> { panic!("it is written") };
        let refused = write_whole(&path, Existing::Replace, |e| e, never).await;
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
