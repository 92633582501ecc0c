//! Writing to standard output and standard error without a buffer, so that each error is seen.

use std::io::{self, IsTerminal as _};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    /// Writes all of it, for as long as that takes. Returns how many bytes were written, and the
    /// error that stopped it.
    pub(super) fn write(self, mut bytes: &[u8]) -> (usize, Option<Errno>) {
        let all = bytes.len();
        let error = loop {
            if bytes.is_empty() {
                break None;
            }
            match self.write_some(bytes) {
                // No file does that; it must not become an endless loop.
                Ok(0) => break Some(Errno::IO),
                Ok(written) => bytes = &bytes[written..],
                Err(Errno::INTR) => {}
                // Somebody who has the same terminal or pipe open made it non-blocking.
                Err(Errno::AGAIN) => self.wait(),
                Err(error) => break Some(error),
            }
        };
        (all - bytes.len(), error)
    }

    fn write_some(self, bytes: &[u8]) -> rustix::io::Result<usize> {
        match self {
            Stream::Stdout => rustix::io::write(io::stdout(), bytes),
            Stream::Stderr => rustix::io::write(io::stderr(), bytes),
        }
    }

    fn wait(self) {
        // An interrupted wait is begun again by the next write.
        let _ = match self {
            Stream::Stdout => poll(&mut [PollFd::new(&io::stdout(), PollFlags::OUT)], None),
            Stream::Stderr => poll(&mut [PollFd::new(&io::stderr(), PollFlags::OUT)], None),
        };
    }
}

/// Whether both are the same file: then the order of what is written to them can be seen.
pub(super) fn are_one() -> bool {
    let (Ok(stdout), Ok(stderr)) = (
        rustix::fs::fstat(io::stdout()),
        rustix::fs::fstat(io::stderr()),
    ) else {
        return false;
    };
    (stdout.st_dev, stdout.st_ino) == (stderr.st_dev, stderr.st_ino)
}

/// Columns and rows of the terminal on standard error; `None` where there is none.
pub(crate) fn terminal_size() -> Option<(usize, usize)> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    // Some terminals say that they have no size at all.
    let or = |value: u16, default| match value {
        0 => default,
        value => usize::from(value),
    };
    Some((or(size.ws_col, 80), or(size.ws_row, 24)))
}
