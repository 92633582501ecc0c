//! Every limit, size and time of the embedded store.

use std::time::Duration;

use fleetlink_proto::control::limits::RESUME_FROM_BYTES;

/// An upload of at most so many bytes goes into its database row and shares the commit's fsync; a
/// larger one becomes a file.
pub const INLINE_BYTES: usize = 64 * 1024;
// What is in memory alone is lost with its session.
const _: () = assert!(RESUME_FROM_BYTES > INLINE_BYTES as u64);

/// Changes that may wait for the writer; a caller then waits until there is room.
pub(super) const WRITE_QUEUE: usize = 1024;
/// Changes that one transaction takes at most.
pub(super) const BATCH: usize = 1024;
/// Bytes of samples that one transaction takes into the database, so that its log is short.
pub(super) const BATCH_BYTES: u64 = 1 << 20;
/// Reads that may wait for the reader; a caller then waits until there is room.
pub(super) const READ_QUEUE: usize = 1024;
/// Files that may wait for their removal; the writer then waits until there is room.
pub(super) const SWEEP_QUEUE: usize = 1024;
/// The time after which files that somebody keeps are tried again.
pub(super) const SWEEP_AGAIN: Duration = Duration::from_millis(500);

/// Room that is kept for deletions on a full disk: more than the log has that is not copied yet.
pub(super) const RESERVE_BYTES: usize = 4 << 20;
/// The shortest time for which a used reserve stays in use.
pub(super) const RESERVE_INTERVAL: Duration = Duration::from_secs(60);

/// Interrupted uploads that are kept of one device; the oldest make room.
pub const PARTIALS_PER_DEVICE: usize = 8;

/// After so many bytes of an upload a flush begins beside the writing, so that the last one is short.
pub(super) const FLUSH_BYTES: u64 = 8 << 20;
/// The bytes of an upload that may wait for the disk; beyond them its writer waits too.
pub(super) const UNFLUSHED_BYTES: u64 = 64 << 20;
/// The pieces in which an interrupted upload is read again.
pub(super) const READ_BACK_BYTES: usize = 1 << 20;

/// The number of small segments of about one size, beside each other, that become one.
pub(super) const MERGE_FAN_IN: u64 = 64;
/// The sizes, in bytes, at which one class of segments ends and the next begins; those above the last
/// one are not merged.
pub(super) const MERGE_CLASSES: [u64; 4] = [1 << 10, 16 << 10, 256 << 10, 4 << 20];
/// The bytes of a merged segment, at most; so much is held in memory meanwhile.
pub(super) const MERGED_BYTES: u64 = 16 << 20;
/// Segments that become one at once, at most.
pub(super) const MERGE_SOURCES: usize = 4096;
/// The newest segments of a file among which is looked for some to merge.
pub(super) const MERGE_WINDOW: u64 = 8192;
/// Data files and segments that may wait for a thread of the upkeep; of more, the database is asked
/// later.
pub(super) const CANDIDATES: usize = 4096;

/// The number of times that a query begins anew because its data file was changed meanwhile.
pub(super) const COLUMN_TRIES: u32 = 4;

/// Unused pages that the database keeps for what comes next, at least.
pub(super) const VACUUM_SLACK_PAGES: u64 = 256;
/// The part of the database's pages that it keeps so: one of so many.
pub(super) const VACUUM_SHARE: u64 = 8;
/// Unused pages that are given up in one transaction.
pub(super) const VACUUM_STEP_PAGES: u64 = 256;
/// The write-ahead log keeps at most so many bytes once it is copied.
pub(super) const LOG_BYTES: u64 = 16 << 20;

/// Rows of the journal that one transaction removes.
pub(super) const JOURNAL_STEP: u64 = 10_000;

/// Audit records that one transaction removes: changes wait for it.
pub(super) const AUDIT_STEP: i64 = 500;

/// Pages in the write-ahead log from which on they are copied into the database, after the answers.
pub(super) const CHECKPOINT_PAGES: i64 = 512;
/// The time that SQLite waits for a lock; the folder's own lock makes that rare.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements that a connection keeps.
pub(super) const STATEMENTS: usize = 64;

/// The time that the writer waits for readers of the log while nobody waits for it.
pub(super) const READERS_TIMEOUT: Duration = Duration::from_millis(50);
/// The number of times that the writer waits so.
pub(super) const COPY_TRIES: u32 = 100;
