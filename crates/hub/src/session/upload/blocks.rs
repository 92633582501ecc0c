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

    /// Adds bytes; those of an upload that is over are passed over.
    pub(super) fn add<'a>(&self, bytes: &'a [u8]) -> Added<'a> {
        let mut shared = self.shared();
        if shared.over {
            return Added::All;
        }
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
        if shared.over {
            shared.filling.clear();
        }
        if !shared.filling.is_empty() {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Another session has taken the upload over, and its bytes are being kept: what still comes in
    /// this one is passed over. Were it called full, the reader would offer it for ever.
    #[test]
    fn what_comes_after_the_rest_was_taken_is_passed_over() {
        let blocks = Blocks::default();
        let more = vec![b'1'; 2 * BLOCK_BYTES];
        assert!(matches!(blocks.add(&more[..10]), Added::All));
        assert_eq!(blocks.take_rest().len(), 10);
        assert!(matches!(blocks.add(&more), Added::All));
        assert!(!blocks.is_filling());
    }

    /// The rest was taken between the last bytes and their handing on.
    #[test]
    fn nothing_is_handed_on_after_the_rest_was_taken() {
        let blocks = Blocks::default();
        blocks.take_rest();
        blocks.shared().filling.extend(b"1");
        let (pieces, mut queue) = mpsc::channel(1);
        blocks.hand_on(pieces.try_reserve().expect("there is a place"));
        assert!(queue.try_recv().is_err());
        assert!(!blocks.is_filling());
    }
}
