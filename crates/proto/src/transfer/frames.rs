//! Bytes of a stream to frames, however they are cut.

use super::block::{BLOCK_HEADER_BYTES, Block};
use super::limits::{BLOCK_BYTES, BLOCK_NUMBER_BYTES, FRAME_HEADER_BYTES, MAX_MESSAGE_BYTES};
use super::message::kind;

/// The next part of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// More bytes are needed to tell.
    More,
    /// A whole message that is no block: its kind and payload.
    Message(u8, Vec<u8>),
    /// A block begins.
    Block(Block),
    /// The next bytes of the block.
    Content(&'a [u8]),
    /// No frame: the stream is of no further use.
    Garbage(&'static str),
}

/// Takes a stream apart. Its memory is bounded by the longest message, whatever a peer announces.
#[derive(Debug, Default)]
pub(super) struct Frames {
    held: Vec<u8>,
    left_of_block: usize,
}

impl Frames {
    /// The next frame, or part of a block; what it took is gone from `input`.
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Frame<'a> {
        if self.left_of_block > 0 {
            return self.content(input);
        }
        if !self.hold(FRAME_HEADER_BYTES, input) {
            return Frame::More;
        }
        let Some(&[kind, a, b, c, d]) = self.held.first_chunk() else {
            return Frame::More;
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        match kind {
            kind::BLOCK => self.block(length, input),
            _ if length > MAX_MESSAGE_BYTES => Frame::Garbage("the message is too long"),
            _ => self.message(kind, length, input),
        }
    }

    fn content<'a>(&mut self, input: &mut &'a [u8]) -> Frame<'a> {
        let (piece, rest) = input.split_at(self.left_of_block.min(input.len()));
        if piece.is_empty() {
            return Frame::More;
        }
        self.left_of_block -= piece.len();
        *input = rest;
        Frame::Content(piece)
    }

    fn block(&mut self, length: u32, input: &mut &[u8]) -> Frame<'static> {
        let Some(bytes @ 1..=BLOCK_BYTES) = length.checked_sub(BLOCK_NUMBER_BYTES) else {
            return Frame::Garbage("the block has a wrong length");
        };
        if !self.hold(BLOCK_HEADER_BYTES, input) {
            return Frame::More;
        }
        let Some(number) = self.held.last_chunk() else {
            return Frame::More;
        };
        let number = u32::from_be_bytes(*number);
        self.held.clear();
        self.left_of_block = bytes as usize;
        Frame::Block(Block { number, bytes })
    }

    fn message(&mut self, kind: u8, length: u32, input: &mut &[u8]) -> Frame<'static> {
        if !self.hold(FRAME_HEADER_BYTES + length as usize, input) {
            return Frame::More;
        }
        let payload = self.held.split_off(FRAME_HEADER_BYTES);
        self.held.clear();
        Frame::Message(kind, payload)
    }

    /// Whether `wanted` bytes are held, after taking what is missing.
    fn hold(&mut self, wanted: usize, input: &mut &[u8]) -> bool {
        let missing = wanted.saturating_sub(self.held.len());
        let (taken, rest) = input.split_at(missing.min(input.len()));
        self.held.extend_from_slice(taken);
        *input = rest;
        self.held.len() >= wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(bytes: &[u8]) -> Frame<'_> {
        Frames::default().next(&mut &*bytes)
    }

    #[test]
    fn a_lying_length_is_garbage_before_anything_is_kept() {
        let garbage = |bytes: &[u8]| matches!(first(bytes), Frame::Garbage(_));
        assert!(garbage(&[0x01, 0xff, 0xff, 0xff, 0xff]));
        assert!(garbage(&[0x01, 0, 0, 0x40, 1]));
        assert!(garbage(&[0x10, 0, 0x10, 0, 5]));
        assert!(garbage(&[0x10, 0, 0, 0, 4]));
        assert!(garbage(&[0x10, 0, 0, 0, 0]));
        assert_eq!(first(&[0x01, 0, 0, 0x40, 0]), Frame::More);
        assert_eq!(first(&[0x77, 0, 0, 0, 0]), Frame::Message(0x77, vec![]));
    }

    #[test]
    fn content_passes_without_being_copied() {
        let mut frames = Frames::default();
        let bytes = [0x10, 0, 0, 0, 6, 0, 0, 0, 9, b'a', b'b', 0x77];
        let mut input = bytes.as_slice();
        let block = Block {
            number: 9,
            bytes: 2,
        };
        assert_eq!(frames.next(&mut input), Frame::Block(block));
        assert_eq!(frames.next(&mut input), Frame::Content(b"ab"));
        assert_eq!(frames.next(&mut input), Frame::More);
        assert!(input.is_empty());
    }
}
