//! The bytes of an upload between the reader, which collects them in blocks, and the upload, which
//! writes the blocks.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::Piece;

/// Bytes that are collected before they are handed to the upload.
const BLOCK_BYTES: usize = 256 * 1024;

/// The blocks of one upload.
#[derive(Clone, Default)]
pub(super) struct Blocks(Arc<Mutex<Shared>>);

#[derive(Default)]
struct Shared {
    /// The block that is being filled: it follows all that were handed on.
    filling: Vec<u8>,
    /// Emptied blocks.
    spare: Vec<Vec<u8>>,
    /// Nothing is taken any more.
    over: bool,
}

/// The result of adding bytes to the block that is being filled.
pub(super) enum Added<'a> {
    /// They are all in it.
    All,
    /// It is full; these are left.
    Full(&'a [u8]),
}

impl Blocks {
    /// Whether these are the same upload's.
    pub(super) fn is(&self, other: &Blocks) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn add<'a>(&self, bytes: &'a [u8]) -> Added<'a> {
        let mut shared = self.shared();
        let room = BLOCK_BYTES.saturating_sub(shared.filling.len());
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        shared.filling.extend_from_slice(now);
        match shared.filling.len() < BLOCK_BYTES {
            true => Added::All,
            false => Added::Full(later),
        }
    }

    pub(super) fn is_filling(&self) -> bool {
        !self.shared().filling.is_empty()
    }

    /// Hands on what is collected, unless the upload is over.
    pub(super) fn hand_on(&self, place: mpsc::Permit<'_, Piece>) {
        let mut shared = self.shared();
        if !shared.over && !shared.filling.is_empty() {
            let empty = shared.spare.pop().unwrap_or_default();
            // Within the lock: whoever takes the rest finds this block in the queue.
            place.send(Piece::Block(mem::replace(&mut shared.filling, empty)));
        }
    }

    /// Gives an emptied block back.
    pub(super) fn give_back(&self, mut block: Vec<u8>) {
        block.clear();
        self.shared().spare.push(block);
    }

    /// Takes the bytes that were not handed on: they follow the blocks that are queued now. None
    /// follows them.
    pub(super) fn take_rest(&self) -> Vec<u8> {
        let mut shared = self.shared();
        shared.over = true;
        mem::take(&mut shared.filling)
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
