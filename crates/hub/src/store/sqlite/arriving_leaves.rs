//! The leaves of an upload while it arrives: they become the pyramid of its segment.

use std::io;
use std::mem;
use std::path::PathBuf;

use fleetlink_core::SegmentRef;
use fleetlink_proto::samples::Summary;

use super::folder::{Folder, private};
use crate::store::Leaf;
use crate::store::pyramid::{BuildError, Unfinished};

/// The leaves of an upload.
pub(super) enum Leaves {
    /// Those of an upload in memory, which are few.
    Memory(Vec<Leaf>),
    File(Box<Unfinished>),
    /// They cannot be written. The pyramid is built from the segment, if there is room later.
    Lost,
}

impl Default for Leaves {
    fn default() -> Self {
        Leaves::Memory(Vec::new())
    }
}

impl Leaves {
    pub(super) fn push(&mut self, leaf: Leaf) {
        match self {
            Leaves::Memory(leaves) => leaves.push(leaf),
            Leaves::File(pyramid) => {
                let pushed = pyramid.push(&leaf);
                self.unless_lost(pushed);
            }
            Leaves::Lost => {}
        }
    }

    /// Moves the leaves into a file, since the upload moves there.
    pub(super) fn spill(&mut self, path: PathBuf) {
        let Leaves::Memory(leaves) = mem::replace(self, Leaves::Lost) else {
            return;
        };
        match begin(path, &leaves) {
            Ok(pyramid) => *self = Leaves::File(Box::new(pyramid)),
            Err(error) => self.unless_lost(Err(error)),
        }
    }

    /// Makes the pyramid of the segment, unless a leaf is missing.
    pub(super) fn finish(mut self, segment: &SegmentRef, totals: &Summary, folder: &Folder) {
        if let Leaves::File(pyramid) = mem::replace(&mut self, Leaves::Lost) {
            let finished = pyramid.finish(segment, totals, &folder.pyramid(segment.id));
            self.unless_lost(finished);
        }
    }

    fn unless_lost(&mut self, result: Result<(), BuildError>) {
        if let Err(error) = result {
            tracing::debug!(%error, "a pyramid is not built while its upload arrives");
            *self = Leaves::Lost;
        }
    }
}

fn begin(path: PathBuf, leaves: &[Leaf]) -> Result<Unfinished, BuildError> {
    let mut pyramid = create(path)?;
    leaves.iter().try_for_each(|leaf| pyramid.push(leaf))?;
    Ok(pyramid)
}

/// Begins a pyramid in a new file.
pub(super) fn create(path: PathBuf) -> io::Result<Unfinished> {
    let mut options = private();
    options.write(true).create(true).truncate(true);
    let file = options.open(&path)?;
    Unfinished::begin(path, file)
}
