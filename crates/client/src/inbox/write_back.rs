//! Has the disk take what was written while more comes, so that little is left for the end.

use std::io;
use std::thread::{self, JoinHandle};

use cap_std::fs::File;

use crate::limits::WRITE_BACK_BYTES;

/// Makes a file durable piece by piece, on a thread of its own, at most one piece at a time.
#[derive(Debug, Default)]
pub(super) struct WriteBack {
    /// Bytes written since the last piece was begun.
    fresh: u64,
    under_way: Option<JoinHandle<io::Result<()>>>,
}

impl WriteBack {
    /// Notes that this many bytes more were written to the file.
    ///
    /// # Errors
    /// Of an earlier piece. An error is reported once for a file: it must not get lost.
    pub(super) fn wrote(&mut self, file: &File, bytes: u64) -> io::Result<()> {
        self.fresh += bytes;
        if self.fresh < WRITE_BACK_BYTES || self.is_busy() {
            return Ok(());
        }
        self.wait()?;
        self.fresh = 0;
        let thread = thread::Builder::new().name("write-back".to_owned());
        let begun = file
            .try_clone()
            .and_then(|file| thread.spawn(move || file.sync_data()));
        match begun {
            Ok(thread) => self.under_way = Some(thread),
            // Nothing is lost by that: it is left for the end.
            Err(error) => tracing::debug!(%error, "no thread writes back a part of a file"),
        }
        Ok(())
    }

    /// Waits for the piece that is under way.
    ///
    /// # Errors
    /// As of [`WriteBack::wrote`].
    pub(super) fn wait(&mut self) -> io::Result<()> {
        let Some(thread) = self.under_way.take() else {
            return Ok(());
        };
        let panicked = |_| Err(io::Error::other("writing back stopped unexpectedly"));
        thread.join().unwrap_or_else(panicked)
    }

    fn is_busy(&self) -> bool {
        let under_way = self.under_way.as_ref();
        under_way.is_some_and(|thread| !thread.is_finished())
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::*;

    /// A pipe, which cannot be made durable: that fails.
    fn pipe() -> File {
        let (_, writer) = io::pipe().unwrap();
        File::from_std(std::fs::File::from(OwnedFd::from(writer)))
    }

    #[test]
    fn an_error_of_an_earlier_piece_is_not_lost() {
        let file = pipe();
        let mut write_back = WriteBack::default();
        write_back.wrote(&file, WRITE_BACK_BYTES).unwrap();
        assert!(write_back.wait().is_err());

        write_back.wrote(&file, WRITE_BACK_BYTES).unwrap();
        while write_back.is_busy() {
            thread::yield_now();
        }
        assert!(write_back.wrote(&file, WRITE_BACK_BYTES).is_err());
    }

    #[test]
    fn a_little_is_left_for_the_end() {
        let mut write_back = WriteBack::default();
        write_back.wrote(&pipe(), WRITE_BACK_BYTES - 1).unwrap();
        assert!(write_back.under_way.is_none());
        write_back.wait().unwrap();
    }
}
