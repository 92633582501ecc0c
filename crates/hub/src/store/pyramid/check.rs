//! Comparing a pyramid with the text of its segment, node by node.

use std::path::Path;

use fleetlink_core::SegmentRef;
use fleetlink_proto::samples::Summary;

use super::build::joined;
use super::file::Pyramid;
use crate::store::leaves::Leaf;

/// A pyramid while the leaves of its segment come.
pub(in crate::store) struct PyramidCheck {
    pyramid: Pyramid,
    next: u64,
    /// The place at which the next leaf begins.
    offset: u64,
    is_whole: bool,
}

impl PyramidCheck {
    /// Opens the pyramid of a segment; `None` where there is none of it.
    pub(in crate::store) fn open(
        path: &Path,
        segment: &SegmentRef,
        totals: &Summary,
    ) -> Option<Self> {
        Some(PyramidCheck {
            pyramid: Pyramid::open(path, segment, totals)?,
            next: 0,
            offset: 0,
            is_whole: true,
        })
    }

    /// Compares the next leaf.
    pub(in crate::store) fn leaf(&mut self, leaf: &Leaf) {
        if self.is_whole {
            let node = self.pyramid.node(0, self.next);
            self.is_whole =
                node.is_ok_and(|node| node.offset == self.offset && node.summary == leaf.summary);
        }
        self.next += 1;
        self.offset = leaf.end;
    }

    /// Whether the pyramid is that of the leaves that came.
    pub(in crate::store) fn finish(mut self) -> bool {
        let layout = self.pyramid.layout();
        if !self.is_whole || self.next != layout.nodes(0) {
            return false;
        }
        (1..=layout.top()).all(|level| {
            (0..layout.nodes(level)).all(|number| {
                let node = self.pyramid.node(level, number).ok();
                let of_children = joined(&mut self.pyramid, level - 1, number).ok();
                node.is_some() && node == of_children
            })
        })
    }
}
