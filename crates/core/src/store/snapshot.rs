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
    /// The bytes of the whole file. A segment that ends in the middle of a line is joined to the
    /// next by a newline.
    pub fn bytes(&self) -> u64 {
        let joints = self
            .segments
            .iter()
            .rev()
            .skip(1)
            .filter(|s| s.ends_open)
            .count();
        self.segments.iter().map(|s| s.bytes).sum::<u64>() + joints as u64
    }
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
