//! Every limit, size and time of the embedded store.

use std::time::Duration;

/// An upload of at most so many bytes goes into its database row and shares the commit's fsync; a
/// larger one becomes a file.
pub const INLINE_BYTES: usize = 64 * 1024;

/// Changes that may wait for the writer; a caller then waits until there is room.
pub(super) const WRITE_QUEUE: usize = 1024;
/// Changes that one transaction takes at most.
pub(super) const BATCH: usize = 1024;
/// Reads that may wait for the reader; a caller then waits until there is room.
pub(super) const READ_QUEUE: usize = 1024;
/// Files that may wait for their removal; the writer then waits until there is room.
pub(super) const SWEEP_QUEUE: usize = 1024;

/// Room that is kept for deletions on a full disk.
pub(super) const RESERVE_BYTES: usize = 1 << 20;
/// How long a reserve that was used stays so, at least.
pub(super) const RESERVE_INTERVAL: Duration = Duration::from_secs(60);

/// Interrupted uploads that are kept of one device; the oldest make room.
pub const PARTIALS_PER_DEVICE: usize = 8;

/// After so many bytes of an upload a flush begins beside the writing, so that the last one is short.
pub(super) const FLUSH_BYTES: u64 = 8 << 20;
/// So many bytes of an upload may wait for the disk; its writer then waits too.
pub(super) const UNFLUSHED_BYTES: u64 = 64 << 20;
/// The pieces in which an interrupted upload is read again.
pub(super) const READ_BACK_BYTES: usize = 1 << 20;

/// Pages in the write-ahead log from which on they are copied into the database, after the answers.
pub(super) const CHECKPOINT_PAGES: i64 = 1000;
/// How long SQLite waits for a lock; the folder's own lock makes it rare.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements that a connection keeps.
pub(super) const STATEMENTS: usize = 64;
