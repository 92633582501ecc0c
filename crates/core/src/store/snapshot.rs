//! A file as a store holds it at one moment.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use fleetlink_proto::{ContentHash, Version};

/// The state of a file at one moment; its segments are immutable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub version: Version,
    pub samples: u64,
    pub segments: Vec<SegmentRef>,
    /// Keeps them from being merged into others.
    pub hold: Hold,
}

/// Something that a store gives along and that is in use until the last clone is dropped.
#[derive(Clone, Default)]
pub struct Hold(Option<Arc<dyn Any + Send + Sync>>);

impl Hold {
    /// A hold that drops this with its last clone.
    pub fn new(held: Arc<dyn Any + Send + Sync>) -> Self {
        Hold(Some(held))
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hold").field(&self.0.is_some()).finish()
    }
}

/// It says nothing about the snapshot that it belongs to.
impl PartialEq for Hold {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Hold {}

impl Snapshot {
    /// The content, part by part. A segment that ends in the middle of a line is joined to the next
    /// by a newline.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let mut joint = false;
        self.segments.iter().flat_map(move |segment| {
            let newline = joint.then_some(Part::Newline);
            joint = segment.ends_open;
            newline.into_iter().chain([Part::Segment(segment)])
        })
    }

    /// The bytes of the whole file.
    pub fn bytes(&self) -> u64 {
        let bytes = self.parts().map(|part| match part {
            Part::Newline => 1,
            Part::Segment(segment) => segment.bytes,
        });
        bytes.sum()
    }
}

/// A part of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// A newline between two segments.
    Newline,
    Segment(&'a SegmentRef),
}

/// The place of a segment in a store, and the expected content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRef {
    /// The segment's number within the store.
    pub id: u64,
    pub bytes: u64,
    /// Their BLAKE3 hash.
    pub hash: ContentHash,
    /// Whether its last line lacks its newline.
    pub ends_open: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(segments: &[(u64, bool)]) -> Snapshot {
        let segment = |&(bytes, ends_open): &(u64, bool)| SegmentRef {
            id: bytes,
            bytes,
            hash: ContentHash::of(b""),
            ends_open,
        };
        Snapshot {
            version: 1.into(),
            samples: 1,
            segments: segments.iter().map(segment).collect(),
            hold: Hold::default(),
        }
    }

    #[test]
    fn segments_that_end_in_a_line_are_joined_by_newlines_and_the_last_one_is_not() {
        for (segments, wanted, bytes) in [
            (&[][..], &[][..], 0),
            (&[(5, true)], &[5], 5),
            (&[(5, true), (7, false), (2, true)], &[5, 0, 7, 2], 15),
            (&[(5, true), (7, true), (2, true)], &[5, 0, 7, 0, 2], 16),
        ] {
            let snapshot = snapshot(segments);
            let parts = snapshot.parts().map(|part| match part {
                Part::Newline => 0,
                Part::Segment(segment) => segment.id,
            });
            assert_eq!(parts.collect::<Vec<_>>(), wanted);
            assert_eq!(snapshot.bytes(), bytes);
        }
    }
}
