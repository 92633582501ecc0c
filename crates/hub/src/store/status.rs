//! The state of a store.

use crate::metrics::Observed;

/// The counts that a store tells of its work.
#[derive(Debug, Clone)]
pub struct StoreStatus {
    /// Whether it can keep what it promises.
    pub(crate) is_healthy: bool,
    /// The times of its transactions.
    pub(crate) commits: Observed,
    /// The numbers of changes in them.
    pub(crate) commit_sizes: Observed,
    /// The times of the last flushes of uploads that become files.
    pub(crate) flushes: Observed,
    /// Changes that wait, and how many may.
    pub(crate) write_queue: (usize, usize),
    /// Reads that wait, and how many may.
    pub(crate) read_queue: (usize, usize),
    /// Segments that wait for a pyramid.
    pub(crate) pyramid_backlog: usize,
    /// Data files that wait for a merge.
    pub(crate) merge_backlog: usize,
}
