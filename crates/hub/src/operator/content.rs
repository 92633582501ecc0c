//! The content of a data file on its way to the operator: pieces, then their number and hash.

use std::sync::Arc;

use fleetlink_core::{Part, Snapshot, StoreError, rpc_error_of_store};
use fleetlink_proto::control::RpcError;
use fleetlink_proto::{ContentHash, Version};
use serde::{Deserialize, Serialize};

use crate::store::{SegmentReader, Store};

/// Bytes of one piece.
const PIECE_BYTES: usize = 128 * 1024;

/// The description of a data file, sent before its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentInfo {
    pub bytes: u64,
    pub samples: u64,
    pub version: Version,
}

/// The next piece of a content.
pub(crate) enum Next {
    Bytes(Vec<u8>),
    End { bytes: u64, hash: ContentHash },
}

/// A data file that is being read.
pub(crate) struct Content {
    store: Arc<dyn Store>,
    snapshot: Snapshot,
    next_part: usize,
    reader: Option<Box<dyn SegmentReader>>,
    hasher: Box<blake3::Hasher>,
}

impl Content {
    pub(crate) fn new(store: &Arc<dyn Store>, snapshot: Snapshot) -> Self {
        Content {
            store: Arc::clone(store),
            snapshot,
            next_part: 0,
            reader: None,
            hasher: Box::default(),
        }
    }

    /// Passes over whole parts at the beginning, of at most so many bytes; how many these are. What is
    /// then read is not all of the content, and the hash at its end is that of the rest.
    pub(crate) fn skip(&mut self, most: u64) -> u64 {
        let mut skipped = 0;
        for part in self.snapshot.parts() {
            let bytes = match part {
                Part::Newline => 1,
                Part::Segment(segment) => segment.bytes,
            };
            if skipped + bytes > most {
                break;
            }
            skipped += bytes;
            self.next_part += 1;
        }
        skipped
    }

    pub(crate) fn info(&self) -> ContentInfo {
        ContentInfo {
            bytes: self.snapshot.bytes(),
            samples: self.snapshot.samples,
            version: self.snapshot.version,
        }
    }

    /// The next piece; after the last one the end.
    pub(crate) async fn next(&mut self) -> Result<Next, RpcError> {
        let piece = self.piece().await.map_err(|error| {
            let message = "the file was replaced or deleted while it was read; ask for it again";
            rpc_error_of_store(error, message)
        })?;
        Ok(match piece {
            Some(bytes) => {
                self.hasher.update(&bytes);
                Next::Bytes(bytes)
            }
            None => Next::End {
                bytes: self.hasher.count(),
                hash: self.hasher.finalize().into(),
            },
        })
    }

    async fn piece(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        loop {
            if let Some(reader) = self.reader.take() {
                let (reader, bytes) = read(reader).await?;
                if !bytes.is_empty() {
                    self.reader = Some(reader);
                    return Ok(Some(bytes));
                }
            }
            let Some(part) = self.snapshot.parts().nth(self.next_part) else {
                return Ok(None);
            };
            self.next_part += 1;
            match part {
                Part::Newline => return Ok(Some(b"\n".to_vec())),
                Part::Segment(segment) => {
                    self.reader = Some(self.store.open_segment(segment.clone()).await?);
                }
            }
        }
    }
}

/// Reads on a thread that may wait for the disk.
async fn read(
    mut reader: Box<dyn SegmentReader>,
) -> Result<(Box<dyn SegmentReader>, Vec<u8>), StoreError> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut buffer = vec![0; PIECE_BYTES];
        let read = reader.read(&mut buffer)?;
        buffer.truncate(read);
        Ok((reader, buffer))
    });
    let done = reading.await;
    done.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
}
