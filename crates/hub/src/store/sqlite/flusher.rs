//! Flushing a file beside the writing of it.

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use super::limits::{FLUSH_BYTES, UNFLUSHED_BYTES};

/// A file that is written at its end while a thread flushes what is there.
pub(super) struct FlushedFile {
    file: File,
    unflushed: u64,
    /// Only from the first [`FLUSH_BYTES`] on.
    flusher: Option<Flusher>,
}

struct Flusher {
    begin: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

/// The step that failed: after a failed flush more than this file is in doubt.
#[derive(Debug)]
pub(super) enum FileError {
    Write(io::Error),
    Flush(io::Error),
}

impl FlushedFile {
    pub(super) fn new(file: File) -> Self {
        FlushedFile {
            file,
            unflushed: 0,
            flusher: None,
        }
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.file.write_all(bytes).map_err(FileError::Write)?;
        self.unflushed += bytes.len() as u64;
        if self.unflushed >= FLUSH_BYTES {
            self.begin_flush()?;
        }
        Ok(())
    }

    /// Waits until everything is on the disk.
    pub(super) fn finish(mut self) -> Result<(), FileError> {
        self.stop_flusher()?;
        self.file.sync_all().map_err(FileError::Flush)
    }

    fn begin_flush(&mut self) -> Result<(), FileError> {
        if self.flusher.is_none() {
            self.flusher = Some(Flusher::start(&self.file).map_err(FileError::Write)?);
        }
        let Some(flusher) = &self.flusher else {
            return Ok(());
        };
        let begun = match flusher.begin.try_send(()) {
            Ok(()) => true,
            Err(TrySendError::Full(())) if self.unflushed < UNFLUSHED_BYTES => return Ok(()),
            // The disk is slower than the sender, who now waits for it.
            Err(TrySendError::Full(())) => flusher.begin.send(()).is_ok(),
            Err(TrySendError::Disconnected(())) => false,
        };
        if !begun {
            return self.stop_flusher();
        }
        self.unflushed = 0;
        Ok(())
    }

    /// Waits for the flush that is going on; the kernel reports its failure only once.
    fn stop_flusher(&mut self) -> Result<(), FileError> {
        let Some(Flusher { begin, thread }) = self.flusher.take() else {
            return Ok(());
        };
        drop(begin);
        match thread.join() {
            Ok(result) => result.map_err(FileError::Flush),
            Err(_) => Err(FileError::Flush(io::Error::other(
                "the flushing thread panicked",
            ))),
        }
    }
}

impl Flusher {
    fn start(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        let (begin, begun) = sync_channel(1);
        let flush = move || flush_when_told(&file, &begun);
        let thread = thread::Builder::new().name("store-flush".to_owned());
        let thread = thread.spawn(flush)?;
        Ok(Flusher { begin, thread })
    }
}

fn flush_when_told(file: &File, begun: &Receiver<()>) -> io::Result<()> {
    begun.iter().try_for_each(|()| file.sync_data())
}
