//! Building a pyramid: from leaves that come while the text arrives, or from a segment's text.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fleetlink_core::{SegmentRef, StoreError};
use fleetlink_proto::samples::Summary;

use super::file::{self, Pyramid};
use super::format::{FAN_OUT, HEADER, Layout};
use super::page::{Node, PageWriter};
use crate::store::SegmentReader;
use crate::store::leaves::{Leaf, LeafParser};

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

/// A pyramid while its leaves come. Its file is removed with it.
pub(in crate::store) struct Unfinished {
    leaves: PageWriter<BufWriter<File>>,
    /// The place at which the next leaf begins.
    offset: u64,
    total: Summary,
    file: Unnamed,
}

impl Unfinished {
    /// Begins in this new file at this path.
    pub(in crate::store) fn begin(path: PathBuf, file: File) -> io::Result<Self> {
        let mut out = BufWriter::new(file);
        // The header needs what is known at the end.
        out.write_all(&[0; HEADER])?;
        Ok(Unfinished {
            leaves: PageWriter::new(out),
            offset: 0,
            total: Summary::default(),
            file: Unnamed(Some(path)),
        })
    }

    /// Adds the next leaf.
    pub(in crate::store) fn push(&mut self, leaf: &Leaf) -> Result<(), BuildError> {
        let merged = self.total.merge(&leaf.summary);
        merged.map_err(|_| not_as_summed())?;
        self.leaves.push(&Node {
            offset: self.offset,
            summary: leaf.summary,
        })?;
        self.offset = leaf.end;
        Ok(())
    }

    /// Adds the levels above the leaves and gives the file its name.
    pub(in crate::store) fn finish(
        self,
        segment: &SegmentRef,
        totals: &Summary,
        name: &Path,
    ) -> Result<(), BuildError> {
        let layout = Layout::of(totals).filter(|_| self.total == *totals);
        let layout = layout.ok_or_else(not_as_summed)?;
        let mut out = self.leaves.finish()?;
        out.seek(SeekFrom::Start(0))?;
        out.write_all(&layout.header(segment))?;
        out.seek(SeekFrom::End(0))?;
        for level in 1..=layout.top() {
            out.flush()?;
            let below = Pyramid::open(self.file.path(), segment, totals);
            let mut below = below.ok_or_else(file::damaged)?;
            let mut pages = PageWriter::new(&mut out);
            for number in 0..layout.nodes(level) {
                pages.push(&joined(&mut below, level - 1, number)?)?;
            }
            pages.finish()?;
        }
        out.flush()?;
        Ok(self.file.rename(name)?)
    }
}

/// A file that is removed unless it gets its name.
struct Unnamed(Option<PathBuf>);

impl Unnamed {
    fn path(&self) -> &Path {
        self.0.as_deref().unwrap_or(Path::new(""))
    }

    fn rename(mut self, name: &Path) -> io::Result<()> {
        fs::rename(self.path(), name)?;
        self.0 = None;
        Ok(())
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // If it stays, the next start removes it.
            let _ = fs::remove_file(path);
        }
    }
}

/// Builds the pyramid of a segment with these totals from its text.
pub(in crate::store) fn build(
    mut pyramid: Unfinished,
    (segment, totals): (&SegmentRef, &Summary),
    text: &mut dyn SegmentReader,
    name: &Path,
) -> Result<(), BuildError> {
    let mut pushed = Ok(());
    let mut tell = |leaf: Leaf| {
        if pushed.is_ok() {
            pushed = pyramid.push(&leaf);
        }
    };
    let mut leaves = LeafParser::default();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = text.read(&mut piece)?;
        if read == 0 {
            break;
        }
        let fed = leaves.feed(&piece[..read], &mut tell);
        fed.map_err(|_| not_as_summed())?;
    }
    leaves.finish(&mut tell).map_err(|_| not_as_summed())?;
    pushed?;
    pyramid.finish(segment, totals, name)
}

/// The node that stands for several of the level below.
pub(super) fn joined(below: &mut Pyramid, level: u32, number: u64) -> Result<Node, BuildError> {
    let first = number * FAN_OUT;
    let mut joint = below.node(level, first)?;
    for child in first + 1..(first + FAN_OUT).min(below.layout().nodes(level)) {
        let child = below.node(level, child)?;
        let merged = joint.summary.merge(&child.summary);
        merged.map_err(|error| StoreError::Corrupt(error.to_string()))?;
    }
    Ok(joint)
}

fn not_as_summed() -> StoreError {
    StoreError::Corrupt("a segment's samples are not those of its summary".to_owned())
}
