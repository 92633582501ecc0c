//! Writing a file of the identity so that a power cut leaves the old one or the new one.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Durable and whole, or not there: a key that was announced must survive a power cut.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    remove_left_over(path)?;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    let half = bytes.len() / 2;
    file.write_all(&bytes[..half])?;
    power(Moment::HalfWritten)?;
    file.write_all(&bytes[half..])?;
    power(Moment::Written)?;
    file.sync_all()?;
    power(Moment::Synced)?;
    fs::rename(&temporary, path)?;
    power(Moment::Renamed)?;
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    power(Moment::Durable)
}

/// Removes what a write that was cut off has left: it may be a private key that nobody knows.
pub(super) fn remove_left_over(path: &Path) -> io::Result<()> {
    match fs::remove_file(path.with_extension("new")) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// A moment in the life of a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
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
pub(super) mod cut {
    use std::cell::Cell;

    use super::Moment;

    thread_local! {
        /// After so many writes that go through, at this moment of the next one.
        pub(in super::super) static AT: Cell<Option<(usize, Moment)>> = const { Cell::new(None) };
    }
}
