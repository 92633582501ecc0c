//! A file that is sent: read and hashed on a thread of its own, a few blocks ahead of the network.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fleetlink_proto::ContentHash;
use fleetlink_proto::transfer::limits::BLOCK_BYTES;
use fleetlink_proto::transfer::{Ended, FileName, Offer, Reason};
use tokio::sync::mpsc;

use crate::limits::BLOCKS_READ_AHEAD;

/// Readers look for the end with a little room to spare; without it they would double the block.
const SPARE: u64 = 64;

/// A file as it was when it was opened.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    name: FileName,
    stamp: Stamp,
}

/// The size and time of a file, which change when it is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: (i64, i64),
}

/// The next of a file.
#[derive(Debug)]
pub(super) enum Content {
    /// A block, whole.
    Block(Bytes),
    /// The end: the hash of all of them.
    End(ContentHash),
}

/// The blocks of a file. Dropped, it stops reading.
#[derive(Debug)]
pub(super) struct Blocks {
    queue: mpsc::Receiver<Result<Content, Ended>>,
}

impl OpenFile {
    /// Opens a regular file to be sent under its own name. Blocks.
    pub fn open(path: &Path) -> Result<Self, Ended> {
        let name =
            FileName::of_path(path).map_err(|e| Ended::new(Reason::BadName, e.to_string()))?;
        OpenFile::open_as(path, name)
    }

    /// Opens a regular file to be sent under this name. Blocks.
    pub fn open_as(path: &Path, name: FileName) -> Result<Self, Ended> {
        // Looked at before it is opened: a pipe would block.
        let metadata = fs::metadata(path).map_err(|e| cannot_read(&e))?;
        if !metadata.is_file() {
            return Err(Ended::new(Reason::CannotRead, "it is no regular file"));
        }
        let file = File::open(path).map_err(|e| cannot_read(&e))?;
        let stamp = Stamp::of(&file.metadata().map_err(|e| cannot_read(&e))?);
        Ok(OpenFile { file, name, stamp })
    }

    /// The offer for a receiver.
    pub fn offer(&self) -> Offer {
        Offer {
            name: self.name.to_string(),
            size: self.stamp.size,
        }
    }

    /// Starts reading.
    pub(super) fn read(self) -> Blocks {
        let (sender, queue) = mpsc::channel(BLOCKS_READ_AHEAD);
        tokio::task::spawn_blocking(move || {
            let read = self.read_all(|content| sender.blocking_send(Ok(content)).is_ok());
            if let Err(ended) = read {
                let _ = sender.blocking_send(Err(ended));
            }
        });
        Blocks { queue }
    }

    /// `give` says whether anybody wants more.
    fn read_all(mut self, mut give: impl FnMut(Content) -> bool) -> Result<(), Ended> {
        let mut hasher = blake3::Hasher::new();
        let mut left = self.stamp.size;
        while left > 0 {
            let wanted = left.min(u64::from(BLOCK_BYTES));
            let mut block = Vec::with_capacity(usize::try_from(wanted + SPARE).unwrap_or_default());
            let read = (&mut self.file).take(wanted).read_to_end(&mut block);
            read.map_err(|e| cannot_read(&e))?;
            if block.len() as u64 != wanted {
                return Err(changed());
            }
            hasher.update(&block);
            left -= wanted;
            if !give(Content::Block(block.into())) {
                return Ok(());
            }
        }
        self.check_unchanged()?;
        give(Content::End(hasher.finalize().into()));
        Ok(())
    }

    fn check_unchanged(&mut self) -> Result<(), Ended> {
        let now = self.file.metadata().map_err(|e| cannot_read(&e))?;
        let more = self.file.read(&mut [0]).map_err(|e| cannot_read(&e))?;
        if Stamp::of(&now) != self.stamp || more > 0 {
            return Err(changed());
        }
        Ok(())
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Stamp {
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl Blocks {
    /// The next block, or the end. Safe to drop.
    pub(super) async fn next(&mut self) -> Result<Content, Ended> {
        let stopped = || Err(Ended::new(Reason::Internal, "reading stopped unexpectedly"));
        self.queue.recv().await.unwrap_or_else(stopped)
    }
}

/// [`OpenFile::open`] off the runtime's threads.
pub(super) async fn open(path: PathBuf) -> Result<OpenFile, Ended> {
    let opened = tokio::task::spawn_blocking(move || OpenFile::open(&path)).await;
    opened.unwrap_or_else(|e| Err(Ended::new(Reason::Internal, e.to_string())))
}

fn cannot_read(error: &io::Error) -> Ended {
    Ended::new(
        Reason::CannotRead,
        format!("the file cannot be read: {error}"),
    )
}

fn changed() -> Ended {
    Ended::new(Reason::SourceChanged, "the file changed while it was sent")
}
