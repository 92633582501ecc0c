//! Reading ahead of the network on a task of its own: the source becomes strict, and is hashed.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use fleetlink_proto::ContentHash;
use fleetlink_proto::control::limits::MAX_CHUNK_BYTES;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::attempt::Start;
use crate::limits::BLOCKS_READ_AHEAD;
use crate::{RefusedInput, SampleReader};

/// One block is one chunk.
const MAX_CHUNK: usize = MAX_CHUNK_BYTES as usize;
/// The bytes of the source in one read.
const BLOCK: u64 = MAX_CHUNK_BYTES as u64;
/// Readers look for the end with a little room to spare; without it they would double the block.
const SPARE: u64 = 64;

/// A source that can be read again.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// A regular file.
    File(PathBuf),
    /// The text of lines.
    Bytes(Arc<[u8]>),
}

/// A source that was read to its end at once.
pub(super) struct Small {
    /// Its strict form.
    pub(super) bytes: Vec<u8>,
    pub(super) whole: Whole,
    /// The bytes of the source that were read.
    pub(super) position: u64,
}

/// The next thing of a source.
pub(super) enum Read {
    /// The next bytes of the strict form, never empty.
    Block {
        bytes: Vec<u8>,
        /// The bytes of the source that are read by now.
        position: u64,
    },
    /// The source does not begin with what the hub holds.
    Differs,
    /// The end, with what the whole is.
    End(Whole),
}

/// The facts of a whole source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    /// The length of the strict form.
    pub(super) bytes: u64,
    pub(super) hash: ContentHash,
    pub(super) samples: u64,
    /// Samples that were rounded to nine decimals.
    pub(super) rounded: u64,
}

/// The reason for which a source gives no more blocks.
pub(super) enum ReadError {
    Source(io::Error),
    Refused(RefusedInput),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        ReadError::Source(error)
    }
}

type Next = Result<Read, ReadError>;

/// The blocks of a source, a few of them ahead. Dropped, it stops reading.
pub(super) struct Blocks {
    queue: mpsc::Receiver<Next>,
    /// Blocks that were looked at and given back.
    begun: VecDeque<Read>,
}

impl Blocks {
    /// The blocks of a source that can be read again, from `start` on, if it begins with what the hub
    /// holds.
    pub(super) fn of(origin: Origin, start: Start) -> Self {
        let (sender, queue) = mpsc::channel(BLOCKS_READ_AHEAD);
        tokio::task::spawn_blocking(move || {
            let give = |next| sender.blocking_send(Ok(next)).is_ok();
            let sent = match origin {
                Origin::File(path) => read_file(&path, start, give),
                Origin::Bytes(bytes) => read_all(&*bytes, start, give),
            };
            if let Err(error) = sent {
                let _ = sender.blocking_send(Err(error));
            }
        });
        let begun = VecDeque::new();
        Blocks { queue, begun }
    }

    /// The blocks of a source that can be read once.
    pub(super) fn of_stream(source: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let (sender, queue) = mpsc::channel(BLOCKS_READ_AHEAD);
        tokio::spawn(async move {
            tokio::select! {
                () = sender.closed() => {}
                read = read_stream(source, &sender) => if let Err(error) = read {
                    let _ = sender.send(Err(error)).await;
                }
            }
        });
        let begun = VecDeque::new();
        Blocks { queue, begun }
    }

    /// Reads the whole source where its strict form has at most so many bytes, and its end comes by
    /// then. Of another one nothing is lost: [`next`](Blocks::next) gives what was read.
    pub(super) async fn whole(
        &mut self,
        most: usize,
        until: Option<Instant>,
    ) -> Result<Option<Small>, ReadError> {
        let (mut bytes, mut position) = (Vec::new(), 0);
        loop {
            let read = match until {
                None => self.next().await?,
                Some(until) => match timeout_at(until, self.next()).await {
                    Ok(read) => read?,
                    Err(_) => break,
                },
            };
            match read {
                Read::End(whole) => {
                    let bytes = match <[_; 1]>::try_from(bytes) {
                        Ok([bytes]) => bytes,
                        Err(pieces) => pieces.concat(),
                    };
                    let small = Small {
                        bytes,
                        whole,
                        position,
                    };
                    return Ok(Some(small));
                }
                Read::Differs => return Err(io::Error::other("nothing was held").into()),
                Read::Block {
                    bytes: block,
                    position: now,
                } => {
                    bytes.push(block);
                    position = now;
                    if bytes.iter().map(Vec::len).sum::<usize>() > most {
                        break;
                    }
                }
            }
        }
        let block = |bytes| Read::Block { bytes, position };
        self.begun.extend(bytes.into_iter().map(block));
        Ok(None)
    }

    pub(super) async fn next(&mut self) -> Next {
        if let Some(read) = self.begun.pop_front() {
            return Ok(read);
        }
        let stopped = || Err(io::Error::other("reading stopped unexpectedly").into());
        self.queue.recv().await.unwrap_or_else(stopped)
    }
}

/// `give` says whether anybody wants more.
fn read_file(
    path: &std::path::Path,
    start: Start,
    give: impl FnMut(Read) -> bool,
) -> Result<(), ReadError> {
    read_all(File::open(path)?, start, give)
}

fn read_all(
    mut source: impl io::Read,
    start: Start,
    mut give: impl FnMut(Read) -> bool,
) -> Result<(), ReadError> {
    let mut strict = Strict::new((start.offset > 0).then_some(start));
    let mut raw = new_block();
    loop {
        raw.clear();
        (&mut source).take(BLOCK).read_to_end(&mut raw)?;
        let ended = raw.is_empty();
        strict.read(&raw)?;
        let Some(blocks) = strict.blocks() else {
            give(Read::Differs);
            return Ok(());
        };
        for block in blocks {
            if !give(block) {
                return Ok(());
            }
        }
        if ended {
            give(strict.end());
            return Ok(());
        }
    }
}

async fn read_stream(
    mut source: impl AsyncRead + Send + Unpin,
    sender: &mpsc::Sender<Next>,
) -> Result<(), ReadError> {
    let mut strict = Strict::new(None);
    let mut raw = new_block();
    loop {
        raw.clear();
        (&mut source).take(BLOCK).read_to_end(&mut raw).await?;
        let ended = raw.is_empty();
        strict.read(&raw)?;
        for block in strict.blocks().into_iter().flatten() {
            if sender.send(Ok(block)).await.is_err() {
                return Ok(());
            }
        }
        if ended {
            let _ = sender.send(Ok(strict.end())).await;
            return Ok(());
        }
    }
}

/// The strict form of a source, from where the hub wants it.
struct Strict {
    reader: SampleReader,
    hasher: blake3::Hasher,
    /// The part that the hub holds, until the source was compared with it.
    held: Option<Start>,
    /// Bytes of the source that were read.
    position: u64,
    /// Strict bytes that are not given yet.
    ready: Vec<u8>,
}

impl Strict {
    fn new(held: Option<Start>) -> Self {
        Strict {
            reader: SampleReader::default(),
            hasher: blake3::Hasher::new(),
            held,
            position: 0,
            ready: new_block(),
        }
    }

    /// Reads the next bytes of the source; no bytes are its end.
    fn read(&mut self, raw: &[u8]) -> Result<(), ReadError> {
        self.position += raw.len() as u64;
        let read = match raw {
            [] => self.reader.finish(&mut self.ready),
            raw => self.reader.feed(raw, &mut self.ready),
        };
        read.map_err(ReadError::Refused)
    }

    /// The bytes that are ready and that the hub lacks; `None` where it holds something else.
    fn blocks(&mut self) -> Option<Vec<Read>> {
        let ready = std::mem::replace(&mut self.ready, new_block());
        let mut wanted = ready.as_slice();
        if let Some(held) = self.held {
            wanted = self.compare(held, wanted)?;
        }
        self.hasher.update(wanted);
        let position = self.position;
        if wanted.len() == ready.len() && (1..=MAX_CHUNK).contains(&ready.len()) {
            // Nearly always: all of it is one block.
            let block = Read::Block {
                bytes: ready,
                position,
            };
            return Some(vec![block]);
        }
        let blocks = wanted.chunks(MAX_CHUNK).map(|bytes| Read::Block {
            bytes: bytes.to_vec(),
            position,
        });
        Some(blocks.collect())
    }

    /// Compares the next strict bytes with those that the hub holds; the rest, which it does not.
    fn compare<'a>(&mut self, held: Start, ready: &'a [u8]) -> Option<&'a [u8]> {
        let missing = held.offset - self.hasher.count();
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        let (same, wanted) = ready.split_at(missing.min(ready.len()));
        self.hasher.update(same);
        if self.hasher.count() < held.offset {
            return Some(wanted);
        }
        self.held = None;
        (ContentHash::from(self.hasher.finalize()) == held.hash).then_some(wanted)
    }

    /// The end of the source, which may be shorter than what the hub holds.
    fn end(&self) -> Read {
        if self.held.is_some() {
            return Read::Differs;
        }
        Read::End(Whole {
            bytes: self.hasher.count(),
            hash: self.hasher.finalize().into(),
            samples: self.reader.samples(),
            rounded: self.reader.rounded(),
        })
    }
}

fn new_block() -> Vec<u8> {
    Vec::with_capacity(usize::try_from(BLOCK + SPARE).unwrap_or_default())
}
