//! Building a pyramid from a segment's text.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use fleetlink_core::{SegmentRef, StoreError};
use fleetlink_proto::samples::{SampleParser, Summary};

use super::file::{self, Pyramid};
use super::format::{FAN_OUT, LEAF, Layout};
use super::page::{Node, PageWriter};
use crate::store::SegmentReader;

/// The pieces in which a segment is read.
const PIECE_BYTES: usize = 256 * 1024;

/// The reason why a pyramid was not built.
#[derive(Debug, thiserror::Error)]
pub(in crate::store) enum BuildError {
    /// The segment cannot be read, or is not what it should be.
    #[error(transparent)]
    Segment(#[from] StoreError),
    /// The pyramid cannot be written.
    #[error(transparent)]
    File(#[from] io::Error),
}

/// Writes the pyramid of a segment with these totals into a new file, through `out`, which is at its
/// beginning.
pub(in crate::store) fn build(
    segment: &SegmentRef,
    totals: &Summary,
    text: &mut dyn SegmentReader,
    (path, out): (&Path, impl Write),
) -> Result<(), BuildError> {
    let Some(layout) = Layout::of(totals) else {
        return Ok(());
    };
    let mut out = BufWriter::new(out);
    out.write_all(&layout.header(segment))?;
    let mut leaves = Leaves {
        pages: PageWriter::new(&mut out, layout),
        total: Summary::default(),
        offset: 0,
        lines: 0,
        leaf: SampleParser::new(),
        leaf_at: 0,
    };
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match text.read(&mut piece)? {
            0 => break,
            read => leaves.feed(&piece[..read])?,
        }
    }
    if leaves.finish()? != *totals {
        return Err(not_as_summed().into());
    }
    for level in 1..=layout.top() {
        out.flush()?;
        let mut below = Pyramid::open(path, segment, totals).ok_or_else(file::damaged)?;
        let mut pages = PageWriter::new(&mut out, layout);
        for number in 0..layout.nodes(level) {
            pages.push(&joined(&mut below, level - 1, number)?)?;
        }
        pages.finish()?;
    }
    out.flush()?;
    Ok(())
}

/// The node that stands for several of the level below.
fn joined(below: &mut Pyramid, level: u32, number: u64) -> Result<Node, BuildError> {
    let first = number * FAN_OUT;
    let mut joint = below.node(level, first)?;
    for child in first + 1..(first + FAN_OUT).min(below.layout().nodes(level)) {
        let child = below.node(level, child)?;
        let merged = joint.summary.merge(&child.summary);
        merged.map_err(|error| StoreError::Corrupt(error.to_string()))?;
    }
    Ok(joint)
}

/// The leaves while the text arrives.
struct Leaves<W> {
    pages: PageWriter<W>,
    total: Summary,
    /// The bytes that came.
    offset: u64,
    /// The line feeds in the leaf that has begun.
    lines: u64,
    leaf: SampleParser,
    /// The offset at which that leaf begins.
    leaf_at: u64,
}

impl<W: Write> Leaves<W> {
    fn feed(&mut self, piece: &[u8]) -> Result<(), BuildError> {
        let mut begin = 0;
        for (at, byte) in piece.iter().enumerate() {
            if *byte != b'\n' {
                continue;
            }
            self.lines += 1;
            if self.lines == LEAF {
                self.parse(&piece[begin..=at])?;
                begin = at + 1;
                self.end_leaf()?;
            }
        }
        self.parse(&piece[begin..])
    }

    fn parse(&mut self, text: &[u8]) -> Result<(), BuildError> {
        self.offset += text.len() as u64;
        self.leaf.feed(text).map_err(|_| not_as_summed())?;
        Ok(())
    }

    fn end_leaf(&mut self) -> Result<(), BuildError> {
        let leaf = std::mem::take(&mut self.leaf);
        let summary = leaf.finish().map_err(|_| not_as_summed())?;
        self.total.merge(&summary).map_err(|_| not_as_summed())?;
        self.pages.push(&Node {
            offset: self.leaf_at,
            summary,
        })?;
        (self.lines, self.leaf_at) = (0, self.offset);
        Ok(())
    }

    /// Ends the level; the summary of all.
    fn finish(mut self) -> Result<Summary, BuildError> {
        if self.offset > self.leaf_at {
            self.end_leaf()?;
        }
        self.pages.finish()?;
        Ok(self.total)
    }
}

fn not_as_summed() -> StoreError {
    StoreError::Corrupt("a segment's samples are not those of its summary".to_owned())
}
