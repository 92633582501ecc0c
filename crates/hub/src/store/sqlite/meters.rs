//! The store's own counts.

use crate::metrics::{COMMIT_SIZES, Histogram, LATENCIES};

/// Counts of the writer, and of uploads that become files.
#[derive(Debug)]
pub(super) struct StoreMeters {
    pub(super) commits: Histogram,
    pub(super) commit_sizes: Histogram,
    pub(super) flushes: Histogram,
}

impl Default for StoreMeters {
    fn default() -> Self {
        StoreMeters {
            commits: Histogram::new(LATENCIES),
            commit_sizes: Histogram::new(COMMIT_SIZES),
            flushes: Histogram::new(LATENCIES),
        }
    }
}
