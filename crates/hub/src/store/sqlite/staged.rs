//! Uploads that are complete and durable, but not committed yet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetlink_core::StagedId;

use super::partial_name::PartialName;

/// A staged upload's id is that of the segment which its commit makes.
pub(super) struct StagedUploads {
    next: AtomicU64,
    uploads: Mutex<HashMap<StagedId, StagedUpload>>,
}

#[derive(Debug, Clone)]
pub(super) struct StagedUpload {
    pub(super) name: PartialName,
    pub(super) bytes: u64,
    /// The bytes themselves where they go into the row; otherwise the segment's file has them.
    pub(super) body: Option<Arc<[u8]>>,
}

impl StagedUploads {
    /// Ids begin with `next`, which is larger than any that was used.
    pub(super) fn new(next: u64) -> Self {
        StagedUploads {
            next: AtomicU64::new(next),
            uploads: Mutex::default(),
        }
    }

    pub(super) fn next_id(&self) -> StagedId {
        StagedId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn insert(&self, id: StagedId, upload: StagedUpload) {
        self.uploads().insert(id, upload);
    }

    pub(super) fn get(&self, id: StagedId) -> Option<StagedUpload> {
        self.uploads().get(&id).cloned()
    }

    pub(super) fn remove(&self, id: StagedId) -> Option<StagedUpload> {
        self.uploads().remove(&id)
    }

    fn uploads(&self) -> MutexGuard<'_, HashMap<StagedId, StagedUpload>> {
        // Each change of the map is one call, so a panic elsewhere leaves it whole.
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
