//! The hidden names of files that are not complete, and whose they are.
//!
//! A process locks its file as soon as it has made it, and looks whether the name is still its own.
//! What is left over has no lock; whoever removes it holds the lock meanwhile. So no process removes
//! the file of one that lives, and nothing has to be known of the other.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, flock, fstat, statat};
use rustix::io::Errno;

/// The beginning and the end of an incomplete file's name. No device's name begins with a dot, so no
/// complete file's name does.
pub(crate) const PREFIX: &str = ".fleetlink-";
pub(crate) const SUFFIX: &str = ".part";

/// Tries to make a file that somebody else takes for a left-over each time.
const TRIES: usize = 16;

/// Whether this is such a name.
pub(crate) fn is_partial(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(PREFIX.as_bytes()) && name.ends_with(SUFFIX.as_bytes())
}

/// A new file of this process's own for as long as it is open, and its name: what `make` makes in
/// this folder, again where somebody takes it for a left-over at once.
pub(crate) fn create<F: AsFd, N: AsRef<OsStr>>(
    folder: impl AsFd,
    mut make: impl FnMut() -> io::Result<(F, N)>,
) -> io::Result<(F, N)> {
    for _ in 0..TRIES {
        let (file, name) = make()?;
        if own(&folder, name.as_ref(), &file)? {
            return Ok((file, name));
        }
    }
    Err(io::Error::other("another process removes each new file"))
}

/// Makes a new file this process's own for as long as it is open. False where somebody took it for a
/// left-over before that: another one has to be made.
fn own(folder: impl AsFd, name: &OsStr, file: impl AsFd) -> io::Result<bool> {
    // Where locks are not to be had, nobody gets one, and so nobody removes anything.
    if flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
        return Ok(false);
    }
    Ok(is_named(folder.as_fd(), name, file.as_fd())?)
}

/// Removes files in this folder that nobody writes any more; how many. What cannot be removed is
/// somebody else's, and stays.
pub(crate) fn remove_abandoned(folder: impl AsFd) -> usize {
    let folder = folder.as_fd();
    let Ok(entries) = Dir::read_from(folder) else {
        return 0;
    };
    let names = entries.flatten();
    let names = names.filter(|entry| is_partial(OsStr::from_bytes(entry.file_name().to_bytes())));
    let removed = names.filter(|entry| {
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        remove_if_abandoned(folder, name).unwrap_or_else(|error| {
            tracing::debug!(%error, ?name, "an incomplete file stays");
            false
        })
    });
    removed.count()
}

fn remove_if_abandoned(folder: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<bool> {
    let kind = FileType::from_raw_mode(statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode);
    if kind != FileType::RegularFile {
        return Ok(false);
    }
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, name, flags, Mode::empty())?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => return Ok(false),
        locked => locked?,
    }
    // Meanwhile it may have become a complete file, of another name.
    if !is_named(folder, name, file.as_fd())? {
        return Ok(false);
    }
    rustix::fs::unlinkat(folder, name, AtFlags::empty())?;
    Ok(true)
}

fn is_named(
    folder: BorrowedFd<'_>,
    name: &OsStr,
    file: BorrowedFd<'_>,
) -> rustix::io::Result<bool> {
    let ours = fstat(file)?;
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(named) => Ok((ours.st_dev, ours.st_ino) == (named.st_dev, named.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The incomplete files of this process.
static LIVE: Mutex<Live> = Mutex::new(Live {
    ended: false,
    next: 0,
    removals: BTreeMap::new(),
});

struct Live {
    ended: bool,
    next: u64,
    removals: BTreeMap<u64, Box<dyn Fn() + Send>>,
}

/// One of them, as long as it is incomplete.
#[derive(Debug)]
pub(crate) struct Listed(u64);

impl Listed {
    /// An incomplete file, which `remove` removes.
    ///
    /// # Errors
    /// Where the process ends.
    pub(crate) fn new(remove: impl Fn() + Send + 'static) -> io::Result<Self> {
        let mut live = live();
        if live.ended {
            remove();
            return Err(io::ErrorKind::Interrupted.into());
        }
        live.next += 1;
        let number = live.next;
        live.removals.insert(number, Box::new(remove));
        Ok(Listed(number))
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        live().removals.remove(&self.0);
    }
}

fn live() -> MutexGuard<'static, Live> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes the incomplete files of this process, which is about to end: the threads that write them
/// may wait for a disk, and nobody waits for them.
pub fn remove_incomplete_files() {
    let mut live = live();
    live.ended = true;
    live.removals.values().for_each(|remove| remove());
}
