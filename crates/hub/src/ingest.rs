//! An upload's bytes on their way into the store: parsed, hashed and staged in one pass.

use fleetlink_core::{Staged, StoreError, rpc_error_of_store};
use fleetlink_proto::control::{CommitUpload, ErrorCode, RpcError, limits};
use fleetlink_proto::samples::{BadLine, TextEnd};
use fleetlink_proto::{ContentHash, HashAlgorithm};

use crate::hashing::Hashing;
use crate::store::{LeafParser, Staging};

/// One upload that is arriving. Blocking.
pub(crate) struct Ingest {
    staging: Box<dyn Staging>,
    samples: LeafParser,
    /// The hasher of the store's hash.
    hasher: blake3::Hasher,
    /// The hasher of the session's hash, if that is another one.
    agreed: Option<Hashing>,
    ends_open: bool,
    /// The last bytes, for the last sample.
    end: TextEnd,
}

impl Ingest {
    /// Goes on where an interrupted upload of the same key ended: what the store holds of it is
    /// read again, so the session that began it may have used another hash.
    pub(crate) fn resume(
        mut staging: Box<dyn Staging>,
        hash: HashAlgorithm,
    ) -> Result<Self, RpcError> {
        let mut samples = LeafParser::default();
        let mut hasher = blake3::Hasher::new();
        let mut agreed = match hash {
            HashAlgorithm::Blake3 => None,
            other => Some(Hashing::new(other)),
        };
        let mut ends_open = false;
        let mut end = TextEnd::default();
        let mut parsed = Ok(());
        let read = staging.read_held(&mut |held| {
            let before = std::mem::replace(&mut parsed, Ok(()));
            parsed = before.and_then(|()| samples.feed(held, &mut |_| {}));
            hasher.update(held);
            if let Some(agreed) = &mut agreed {
                agreed.update(held);
            }
            end.feed(held);
            ends_open = held.last().is_some_and(|&last| last != b'\n');
        });
        match (read, parsed) {
            (Ok(()), Ok(())) => Ok(Ingest {
                staging,
                samples,
                hasher,
                agreed,
                ends_open,
                end,
            }),
            (Err(error), _) => {
                staging.abandon();
                Err(store_error(error))
            }
            (_, Err(bad)) => {
                staging.abandon();
                Err(bad_line(&bad))
            }
        }
    }

    /// The number of bytes so far, resumed ones included.
    pub(crate) fn bytes(&self) -> u64 {
        self.samples.bytes()
    }

    /// The hash of the bytes that have come, as the session has agreed.
    pub(crate) fn hash(&self) -> ContentHash {
        match &self.agreed {
            Some(agreed) => agreed.hash(),
            None => self.hasher.finalize().into(),
        }
    }

    /// Takes the next bytes.
    pub(crate) fn write(&mut self, block: &[u8]) -> Result<(), RpcError> {
        let Some(&last) = block.last() else {
            return Ok(());
        };
        if self.bytes().saturating_add(block.len() as u64) > limits::MAX_UPLOAD_BYTES {
            let message = format!("an upload has at most {} bytes", limits::MAX_UPLOAD_BYTES);
            return Err(RpcError::new(ErrorCode::TooLarge, message));
        }
        let staging = &mut self.staging;
        let fed = self.samples.feed(block, &mut |leaf| staging.leaf(leaf));
        fed.map_err(|bad| bad_line(&bad))?;
        self.hasher.update(block);
        if let Some(agreed) = &mut self.agreed {
            agreed.update(block);
        }
        self.ends_open = last != b'\n';
        self.end.feed(block);
        self.staging.write(block).map_err(store_error)
    }

    /// Verifies that everything came and makes it durable, for a commit to take.
    pub(crate) fn finish(self, announced: &CommitUpload) -> Result<Staged, RpcError> {
        if let Err(error) = self.verify(announced) {
            self.abandon();
            return Err(error);
        }
        let Ingest {
            mut staging,
            samples,
            hasher,
            ends_open,
            end,
            ..
        } = self;
        match samples.finish(&mut |leaf| staging.leaf(leaf)) {
            Ok(summary) => {
                let hash = hasher.finalize().into();
                let staged = staging.finish(summary, hash, ends_open);
                let last = end.last();
                staged
                    .map(|staged| Staged { last, ..staged })
                    .map_err(store_error)
            }
            Err(bad) => {
                staging.abandon();
                Err(bad_line(&bad))
            }
        }
    }

    fn verify(&self, announced: &CommitUpload) -> Result<(), RpcError> {
        let mismatch = |message: &str| Err(RpcError::new(ErrorCode::HashMismatch, message));
        let (announced, came) = (announced, self.bytes());
        if announced.bytes != came {
            let announced = announced.bytes;
            return mismatch(&format!("{announced} bytes were announced and {came} came"));
        }
        if announced
            .hash
            .is_some_and(|announced| announced != self.hash())
        {
            return mismatch("the hash of what came is not the one that was announced");
        }
        Ok(())
    }

    /// Keeps nothing of it.
    pub(crate) fn abandon(self) {
        self.staging.abandon();
    }
}

fn bad_line(bad: &BadLine) -> RpcError {
    RpcError::new(ErrorCode::BadLine, bad.to_string()).at_line(bad.line)
}

/// An upload does not look for a file, so it never misses one.
pub(crate) fn store_error(error: StoreError) -> RpcError {
    tracing::debug!(%error, "an upload failed at the store");
    rpc_error_of_store(error, "the store has lost the upload")
}
