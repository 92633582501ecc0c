//! The blocks of a file.

use super::limits::{BLOCK_BYTES, BLOCK_NUMBER_BYTES, FRAME_HEADER_BYTES};
use super::message::kind;

/// One block of a file: which, and how long. The first has the number 0; every block but the last
/// has [`BLOCK_BYTES`], so that a block's place in the file follows from its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The block's number.
    pub number: u32,
    /// The number of bytes of the file, 1 to [`BLOCK_BYTES`].
    pub bytes: u32,
}

/// Bytes in front of a block's content.
pub const BLOCK_HEADER_BYTES: usize = FRAME_HEADER_BYTES + 4;

impl Block {
    /// The block that begins at `offset` in a file of this size; `None` at its end.
    pub(super) fn at(offset: u64, size: u64) -> Option<Block> {
        let left = size.checked_sub(offset).filter(|&left| left > 0)?;
        Some(Block {
            number: u32::try_from(offset / u64::from(BLOCK_BYTES)).ok()?,
            bytes: u32::try_from(left.min(u64::from(BLOCK_BYTES))).ok()?,
        })
    }

    /// The position of its first byte in the file.
    pub fn offset(self) -> u64 {
        u64::from(self.number) * u64::from(BLOCK_BYTES)
    }

    /// The header in front of its content.
    pub fn header(self) -> [u8; BLOCK_HEADER_BYTES] {
        let mut header = [kind::BLOCK; BLOCK_HEADER_BYTES];
        header[1..5].copy_from_slice(&(BLOCK_NUMBER_BYTES + self.bytes).to_be_bytes());
        header[5..].copy_from_slice(&self.number.to_be_bytes());
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_a_file_without_gaps() {
        let size = u64::from(BLOCK_BYTES) * 2 + 1;
        let mut offset = 0;
        let mut lengths = Vec::new();
        while let Some(block) = Block::at(offset, size) {
            assert_eq!(block.offset(), offset);
            offset += u64::from(block.bytes);
            lengths.push(block.bytes);
        }
        assert_eq!(lengths, [BLOCK_BYTES, BLOCK_BYTES, 1]);
        assert_eq!(Block::at(0, 0), None);
    }

    #[test]
    fn a_header_is_what_the_document_says() {
        let block = Block {
            number: 3,
            bytes: 1,
        };
        assert_eq!(block.header(), [0x10, 0, 0, 0, 5, 0, 0, 0, 3]);
    }
}
