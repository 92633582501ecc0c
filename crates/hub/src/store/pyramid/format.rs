//! The layout of a pyramid's file.
//!
//! ```text
//! header      magic, hash and bytes of the segment, its count, whether it has times; BLAKE3 of these
//! level 0     the leaves, in pages
//! level 1     one node for 16 of level 0, in pages
//! ...         up to a level of at most 16 nodes
//! ```
//!
//! A page is up to 256 nodes and the BLAKE3 hash of their bytes. A node is the offset of its first line
//! in the segment and the row of its summary. Numbers are little-endian.

use fleetlink_core::SegmentRef;
use fleetlink_proto::samples::Summary;

use crate::store::leaves::LEAF;

/// The nodes that one node of the next level stands for.
pub(super) const FAN_OUT: u64 = 16;
/// The nodes of a page.
pub(super) const PAGE: u64 = 256;
/// The bytes of a page's hash.
pub(super) const HASH: u64 = 32;

const MAGIC: [u8; 8] = *b"FLPYR-1\n";
const OFFSET: u64 = 8;
/// The bytes of a summary's row without and with times.
const SUMMARY: [u64; 2] = [58, 90];
/// The bytes of the header without its hash.
const HEAD: usize = 57;
/// The bytes of the header.
pub(super) const HEADER: usize = HEAD + 32;

/// The places of all nodes, which follow from the segment's count and kind alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) samples: u64,
    is_timed: bool,
}

impl Layout {
    /// The layout for a segment with these totals; `None` where it has no samples.
    pub(super) fn of(totals: &Summary) -> Option<Self> {
        Some(Layout {
            samples: totals.count(),
            is_timed: totals.is_timed()?,
        })
    }

    pub(super) fn node_bytes(self) -> u64 {
        OFFSET + SUMMARY[usize::from(self.is_timed)]
    }

    /// The number of nodes of a level.
    pub(super) fn nodes(self, level: u32) -> u64 {
        (0..level).fold(self.samples.div_ceil(LEAF), |nodes, _| {
            nodes.div_ceil(FAN_OUT)
        })
    }

    /// The level that has at most 16 nodes.
    pub(super) fn top(self) -> u32 {
        let mut level = 0;
        while self.nodes(level) > FAN_OUT {
            level += 1;
        }
        level
    }

    /// The samples that a full node of a level stands for.
    pub(super) fn span(level: u32) -> u64 {
        LEAF.saturating_mul(FAN_OUT.saturating_pow(level))
    }

    /// The place of a page in the file.
    pub(super) fn page_at(self, level: u32, page: u64) -> u64 {
        let before: u64 = (0..level).map(|level| self.level_bytes(level)).sum();
        HEADER as u64 + before + page * (PAGE * self.node_bytes() + HASH)
    }

    /// The nodes that a page of a level holds.
    pub(super) fn page_nodes(self, level: u32, page: u64) -> u64 {
        self.nodes(level).saturating_sub(page * PAGE).min(PAGE)
    }

    fn level_bytes(self, level: u32) -> u64 {
        let nodes = self.nodes(level);
        nodes * self.node_bytes() + nodes.div_ceil(PAGE) * HASH
    }

    /// The header of the pyramid of this segment.
    pub(super) fn header(self, segment: &SegmentRef) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        let fields = [
            &MAGIC[..],
            segment.hash.as_bytes(),
            &segment.bytes.to_le_bytes(),
            &self.samples.to_le_bytes(),
            &[u8::from(self.is_timed)],
        ];
        header[..HEAD].copy_from_slice(&fields.concat());
        let hash = blake3::hash(&header[..HEAD]);
        header[HEAD..].copy_from_slice(hash.as_bytes());
        header
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::samples::SampleParser;

    use super::*;

    fn layout(line: &str, samples: usize) -> Layout {
        let mut parser = SampleParser::new();
        parser.feed(line.repeat(samples).as_bytes()).unwrap();
        Layout::of(&parser.finish().unwrap()).unwrap()
    }

    #[test]
    fn rows_of_summaries_have_the_length_of_the_layout() {
        for (line, node) in [("1\n", 66), ("1664533873,1\n", 98)] {
            let layout = layout(line, 1);
            assert_eq!(layout.node_bytes(), node);
            let mut parser = SampleParser::new();
            parser.feed(line.as_bytes()).unwrap();
            let row = parser.finish().unwrap().to_bytes();
            assert_eq!(row.len() as u64 + OFFSET, node);
        }
    }

    #[test]
    fn levels_shrink_to_a_top_of_at_most_16() {
        for (samples, nodes) in [
            (1, &[1][..]),
            (4096, &[16]),
            (4097, &[17, 2]),
            (70_000, &[274, 18, 2]),
        ] {
            let layout = layout("1\n", samples);
            let levels = 0..=layout.top();
            assert_eq!(
                levels.map(|level| layout.nodes(level)).collect::<Vec<_>>(),
                nodes
            );
        }
    }
}
