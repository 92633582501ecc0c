//! Files that are replaced whole: readers see the old content or the new one, and so does the
//! machine after a power cut.

use std::fs;
use std::io::{self, Write};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The users that may read a file, whatever the umask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// The hub's own user.
    Hub,
    /// Others too.
    All,
}

/// For how long a file has to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// Durable when this returns: also after a power cut.
    Always,
    /// The next start writes it anew, so nobody waits for the disk.
    UntilNextStart,
}

/// Puts a file with this content in the place of one that may be there.
pub(crate) fn replace(
    path: &Path,
    content: &[u8],
    readers: Readers,
    lasting: Lasting,
) -> io::Result<()> {
    remove_left_over(path)?;
    let mut file = options(readers).open(unfinished(path))?;
    let half = content.len() / 2;
    file.write_all(&content[..half])?;
    power(Moment::HalfWritten)?;
    file.write_all(&content[half..])?;
    power(Moment::Written)?;
    if lasting == Lasting::Always {
        file.sync_all()?;
    }
    power(Moment::Synced)?;
    fs::rename(unfinished(path), path)?;
    power(Moment::Renamed)?;
    if lasting == Lasting::Always {
        fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    }
    power(Moment::Durable)
}

/// Removes what a write that was cut off has left: it may be a private key that nobody knows.
pub(crate) fn remove_left_over(path: &Path) -> io::Result<()> {
    match fs::remove_file(unfinished(path)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn unfinished(path: &Path) -> PathBuf {
    path.with_extension("new")
}

#[cfg_attr(
    not(unix),
    expect(unused_variables, reason = "other systems have no mode")
)]
fn options(readers: Readers) -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(match readers {
        Readers::Hub => 0o600,
        Readers::All => 0o644,
    });
    options
}

/// A moment in the life of a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    HalfWritten,
    Written,
    Synced,
    Renamed,
    Durable,
}

/// Fails where a test has said so; nothing is done after that, as after a power cut.
#[cfg(test)]
fn power(moment: Moment) -> io::Result<()> {
    match cut::AT.get() {
        Some((0, at)) if at == moment => Err(io::Error::other("the power is cut")),
        Some((writes, at)) if writes > 0 && moment == Moment::Durable => {
            cut::AT.set(Some((writes - 1, at)));
            Ok(())
        }
        _ => Ok(()),
    }
}

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "a test has it fail")]
fn power(_: Moment) -> io::Result<()> {
    Ok(())
}

/// The points at which a test stops the machine.
#[cfg(test)]
pub(crate) mod cut {
    use std::cell::Cell;

    use super::Moment;

    thread_local! {
        /// After so many writes that go through, at this moment of the next one.
        pub(crate) static AT: Cell<Option<(usize, Moment)>> = const { Cell::new(None) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENTS: [Moment; 5] = [
        Moment::HalfWritten,
        Moment::Written,
        Moment::Synced,
        Moment::Renamed,
        Moment::Durable,
    ];

    #[test]
    fn a_write_that_is_cut_off_leaves_the_old_content_or_the_new_and_the_next_one_succeeds() {
        for lasting in [Lasting::Always, Lasting::UntilNextStart] {
            for moment in MOMENTS {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("list.txt");
                let write = |content: &[u8]| replace(&path, content, Readers::All, lasting);
                write(b"old content").unwrap();
                cut::AT.set(Some((0, moment)));
                write(b"new content").unwrap_err();
                cut::AT.set(None);
                let wanted = match moment {
                    Moment::Renamed | Moment::Durable => "new content",
                    _ => "old content",
                };
                assert_eq!(fs::read_to_string(&path).unwrap(), wanted, "{moment:?}");
                write(b"a third").unwrap();
                assert_eq!(fs::read_to_string(&path).unwrap(), "a third");
                let names = fs::read_dir(folder.path()).unwrap().count();
                assert_eq!(names, 1, "nothing is left beside it");
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn its_readers_are_those_that_were_chosen() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for (readers, mode) in [(Readers::All, 0o644), (Readers::Hub, 0o600)] {
            replace(&path, b"x", readers, Lasting::UntilNextStart).unwrap();
            let found = fs::metadata(&path).unwrap().permissions().mode();
            // The umask may take from it.
            assert_eq!(found & 0o777 & !mode, 0, "{readers:?}");
        }
    }
}
