//! Reading ahead of the network, and hashing what is read, on a task of its own.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use fleetlink_proto::ContentHash;
use fleetlink_proto::control::limits::MAX_CHUNK_BYTES;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::mpsc;

use super::attempt::Start;
use crate::limits::BLOCKS_READ_AHEAD;

/// One block is one chunk.
const BLOCK: u64 = MAX_CHUNK_BYTES as u64;
/// Readers look for the end with a little room to spare; without it they would double the block.
const SPARE: u64 = 64;

/// What was read.
pub(super) enum Read {
    /// The next bytes, never empty.
    Block(Vec<u8>),
    /// The source does not begin with what the hub holds.
    Differs,
    /// The end, with the length and hash of the whole.
    End { bytes: u64, hash: ContentHash },
}

/// The blocks of a source, a few of them ahead. Dropped, it stops reading.
pub(super) struct Blocks {
    queue: mpsc::Receiver<io::Result<Read>>,
}

impl Blocks {
    /// Those of a file from `start` on, if it begins with what the hub holds.
    pub(super) fn of_file(path: PathBuf, start: Start) -> Self {
        let (sender, queue) = mpsc::channel(BLOCKS_READ_AHEAD);
        tokio::task::spawn_blocking(move || {
            let sent = read_file(&path, start, |read| sender.blocking_send(Ok(read)).is_ok());
            if let Err(e) = sent {
                let _ = sender.blocking_send(Err(e));
            }
        });
        Blocks { queue }
    }

    /// Those of a source that can be read once.
    pub(super) fn of_stream(source: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let (sender, queue) = mpsc::channel(BLOCKS_READ_AHEAD);
        tokio::spawn(async move {
            tokio::select! {
                () = sender.closed() => {}
                read = read_stream(source, &sender) => if let Err(e) = read {
                    let _ = sender.send(Err(e)).await;
                }
            }
        });
        Blocks { queue }
    }

    pub(super) async fn next(&mut self) -> io::Result<Read> {
        let stopped = || Err(io::Error::other("reading stopped unexpectedly"));
        self.queue.recv().await.unwrap_or_else(stopped)
    }
}

/// `give` says whether anybody wants more.
fn read_file(
    path: &std::path::Path,
    start: Start,
    mut give: impl FnMut(Read) -> bool,
) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let held = hasher
        .update_reader((&mut file).take(start.offset))?
        .count();
    if held != start.offset || ContentHash::from(hasher.finalize()) != start.hash {
        give(Read::Differs);
        return Ok(());
    }
    loop {
        let mut block = new_block();
        (&mut file).take(BLOCK).read_to_end(&mut block)?;
        if block.is_empty() {
            break;
        }
        hasher.update(&block);
        if !give(Read::Block(block)) {
            return Ok(());
        }
    }
    give(end(&hasher));
    Ok(())
}

async fn read_stream(
    mut source: impl AsyncRead + Send + Unpin,
    sender: &mpsc::Sender<io::Result<Read>>,
) -> io::Result<()> {
    let mut hasher = blake3::Hasher::new();
    loop {
        let mut block = new_block();
        (&mut source).take(BLOCK).read_to_end(&mut block).await?;
        if block.is_empty() {
            break;
        }
        hasher.update(&block);
        if sender.send(Ok(Read::Block(block))).await.is_err() {
            return Ok(());
        }
    }
    let _ = sender.send(Ok(end(&hasher))).await;
    Ok(())
}

fn new_block() -> Vec<u8> {
    Vec::with_capacity(usize::try_from(BLOCK + SPARE).unwrap_or_default())
}

fn end(hasher: &blake3::Hasher) -> Read {
    Read::End {
        bytes: hasher.count(),
        hash: hasher.finalize().into(),
    }
}
