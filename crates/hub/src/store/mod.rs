//! The store of accounts, files and the journal: the interface that each implementation has.
//!
//! The calls, replies and errors are plain data of [`fleetlink_core`]. A file's change is visible
//! only by its commit, every write of a file carries an idempotency key, and versions decide races.
//! No transaction spans objects except the use of a ticket; there the ticket's record can be
//! written first and the account after it. So a replicated log and key-value engine can be a store
//! as well as one database. `tests/store/suite` holds every implementation to this.

mod columns;
mod devices;
mod leaves;
mod pyramid;
mod quotas;
mod retain;
mod rules;
pub mod sqlite;
mod status;

use std::pin::Pin;
use std::time::Duration;

use fleetlink_core::{
    FileRecord, ImportMemory, JournalEntry, KnownNames, SegmentRef, SightingNotes, Staged,
    StagedId, StoreCall, StoreReply, UnfinishedUpload, UploadChange,
};
use fleetlink_proto::samples::Summary;
use fleetlink_proto::{ContentHash, DataFile, DeviceName, Version, WallTime};

pub use fleetlink_core::StoreError;

pub use self::columns::{Column, MAX_COLUMNS, Window, WindowError};
pub use self::devices::{DeviceChoice, StoredDevice, StoredDevices};
pub use self::leaves::Leaf;
pub(crate) use self::leaves::LeafParser;
pub(crate) use self::quotas::Quota;
pub use self::quotas::{DevicePattern, Quotas};
pub use self::retain::{NamePattern, NamePatternError, RetainRule};
pub use self::rules::check_rule;
pub(crate) use self::rules::of_options;
pub use self::status::StoreStatus;

/// The result of a store.
///
/// Dropping it does not take back what was asked: a change may still be made.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Resolves to the reason for which a store can no longer promise anything.
pub type StoreFailure<'a> = Pin<Box<dyn Future<Output = String> + Send + 'a>>;

/// The limits of data that only grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// The time that a change stays in the journal. As long, its key tells a repetition from a new
    /// change.
    pub journal_age: Option<Duration>,
    /// The number of changes that stay in the journal; beyond it the oldest are deleted.
    pub journal_changes: Option<u64>,
    /// The time that a data file stays after its last change, unless a rule is for it.
    pub data_age: Option<Duration>,
    /// Rules for data files by their names. The first one that matches is the one that counts.
    pub rules: Vec<RetainRule>,
    /// The bytes of data files that stay; beyond them the longest unchanged files are deleted.
    pub data_bytes: Option<u64>,
    /// The time that an audit record stays.
    pub audit_age: Option<Duration>,
    /// The number of audit records that stay; beyond it the oldest are deleted. At most half of them
    /// are records of acts without a login, such as wrong passwords.
    pub audit_events: Option<u64>,
}

/// A data file that is beyond the bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurplusFile {
    pub device: DeviceName,
    pub file: DataFile,
    /// The version that is beyond them.
    pub version: Version,
}

impl Retention {
    /// The shortest time for which a journal may be kept: a device may repeat a change for so long.
    pub const MIN_JOURNAL_AGE: Duration = Duration::from_secs(24 * 3600);
    /// The fewest changes to which a journal may be cut.
    pub const MIN_JOURNAL_CHANGES: u64 = 10_000;
    /// The shortest time for which data may be kept: the hub looks once a minute.
    pub const MIN_DATA_AGE: Duration = Duration::from_secs(60);
    /// The fewest bytes to which data may be bounded.
    pub const MIN_DATA_BYTES: u64 = 4096;
    /// The shortest time for which audit records may be kept.
    pub const MIN_AUDIT_AGE: Duration = Duration::from_secs(3600);
    /// The fewest audit records to which they may be bounded.
    pub const MIN_AUDIT_EVENTS: u64 = 1_000;
}

impl Default for Retention {
    /// All data; of the journal 30 days and ten million changes, which take about a gigabyte and a
    /// half; of audit records 90 days and a million.
    fn default() -> Self {
        Retention {
            journal_age: Some(Duration::from_secs(30 * 24 * 3600)),
            journal_changes: Some(10_000_000),
            data_age: None,
            rules: Vec::new(),
            data_bytes: None,
            audit_age: Some(Duration::from_secs(90 * 24 * 3600)),
            audit_events: Some(1_000_000),
        }
    }
}

/// Accounts, files made of immutable segments, and the journal of their changes.
///
/// The result of a call is durable, and every later read sees it. Errors mean the same in all calls:
/// after `Unavailable` and `Full` nothing was done, after `Unknown` it may have been.
pub trait Store: Send + Sync + 'static {
    /// The memory of the credentials file at this path.
    fn imports(&self, origin: Box<str>) -> StoreFuture<'_, ImportMemory>;

    /// The accounts of these names, letter for letter, and the lines of credentials files under them.
    fn known_names(&self, names: Vec<DeviceName>) -> StoreFuture<'_, KnownNames>;

    /// Does one operation; [`StoreCall`] says what each one answers.
    ///
    /// A commit that is refused leaves what is staged as it was, to be committed otherwise or
    /// [discarded](Store::discard). A commit for a device without an account is `NotFound`.
    fn execute(&self, call: StoreCall) -> StoreFuture<'_, StoreReply>;

    /// Begins to stage an upload, or resumes the interrupted one of the same change.
    ///
    /// # Errors
    /// `Conflict` where an upload of this device and key is being staged or is interrupted, and is
    /// another change.
    fn stage(&self, upload: UploadChange) -> StoreFuture<'_, StageReply>;

    /// Forgets staged bytes that no commit will take; those that a commit took stay.
    fn discard(&self, staged: StagedId) -> StoreFuture<'_, ()>;

    /// Opens a segment that a snapshot named, at any time while the snapshot is held: a store may merge
    /// segments only of files without one.
    ///
    /// # Errors
    /// `NotFound` where the file was replaced or deleted after the snapshot, `Corrupt` where its bytes
    /// are missing or too many.
    fn open_segment(&self, segment: SegmentRef) -> StoreFuture<'_, Box<dyn SegmentReader>>;

    /// The samples of a stretch of a data file by columns: those that have samples, in their order.
    ///
    /// # Errors
    /// `NotFound` where there is no data file, `Corrupt` where what is read is not what was stored,
    /// `Conflict` where the sum of a column leaves its range.
    fn columns(
        &self,
        device: DeviceName,
        file: DataFile,
        window: Window,
    ) -> StoreFuture<'_, Vec<Column>>;

    /// The uploads that are not finished, at most so many. Of one that arrives, the bytes on the disk.
    fn uploads(&self, limit: usize) -> StoreFuture<'_, Vec<UnfinishedUpload>>;

    /// A page of data files, by device and ID: of this device, or of all. The page after the last file
    /// is empty.
    fn files(
        &self,
        device: Option<DeviceName>,
        after: Option<(DeviceName, DataFile)>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<(DeviceName, FileRecord)>>;

    /// The devices of a choice, with what is known of them.
    fn devices(&self, choice: DeviceChoice) -> StoreFuture<'_, StoredDevices>;

    /// Writes down when devices were there, and that the hub runs. Notes of devices without an account
    /// are left out; to write the same again changes nothing.
    fn note_sightings(&self, notes: SightingNotes) -> StoreFuture<'_, ()>;

    /// Does what is due at this time: interrupted uploads that are older than is promised go, and so
    /// do changes of the journal beyond these bounds. To be called now and then.
    fn tend(&self, now: WallTime, keep: Retention) -> StoreFuture<'_, ()>;

    /// The first of the data files that are beyond these bounds at this time, at most so many: those
    /// that were changed the longest ago first. The core has them deleted.
    fn surplus(
        &self,
        now: WallTime,
        keep: Retention,
        limit: u32,
    ) -> StoreFuture<'_, Vec<SurplusFile>>;

    /// At most `limit` changes of the journal that follow the `after`th, in their order.
    fn journal(&self, after: u64, limit: u32) -> StoreFuture<'_, Vec<JournalEntry>>;

    /// The state of the store.
    fn status(&self) -> StoreStatus;

    /// Resolves when the store can no longer promise that what it acknowledges is durable, or when a
    /// part of it ended. Every later change is `Unavailable`; the hub then ends with an error.
    fn failed(&self) -> StoreFailure<'_>;
}

/// The reply to [`Store::stage`].
pub enum StageReply {
    Begun(Box<dyn Staging>),
    /// The same upload is being staged.
    Busy,
}

/// An upload while it arrives. Every call may block on the disk, and so may dropping it: use it on a
/// thread for that.
///
/// Dropped without [`finish`](Staging::finish) or [`abandon`](Staging::abandon), what it wrote may be
/// kept, so that a later [`Store::stage`] of the same change goes on from there. After a
/// call failed, nothing need be.
pub trait Staging: Send {
    /// The number of bytes of an interrupted upload that are kept: the next write follows them.
    fn held(&self) -> u64;

    /// Hands over the [`held`](Staging::held) bytes, in pieces, to be parsed and hashed again.
    /// A crash of the machine may have damaged them: only their hash tells.
    ///
    /// # Errors
    /// They cannot be read.
    fn read_held(&mut self, sink: &mut dyn FnMut(&[u8])) -> Result<(), StoreError>;

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// `Full`, or `Unavailable`; the upload is then lost.
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError>;

    /// Tells of the samples of an upload, leaf by leaf in their order, before
    /// [`finish`](Staging::finish). Those of the [`held`](Staging::held) bytes are left out. A store may
    /// do without.
    fn leaf(&mut self, leaf: Leaf);

    /// Ends the upload, whose bytes have this summary and hash. They are durable when it returns, or
    /// become so with their commit, and are not visible before it.
    ///
    /// # Errors
    /// `Full`, or `Unavailable`; the upload is then lost.
    fn finish(
        self: Box<Self>,
        summary: Summary,
        hash: ContentHash,
        ends_open: bool,
    ) -> Result<Staged, StoreError>;

    /// Gives the upload up: nothing is kept.
    fn abandon(self: Box<Self>);
}

/// The bytes of a segment. Reading may block on the disk: use it on a thread for that.
///
/// Once open, it can be read to its end even where the segment is replaced or deleted meanwhile.
pub trait SegmentReader: Send {
    /// Reads the next bytes, at most as many as fit; 0 only at the end or into an empty buffer.
    ///
    /// # Errors
    /// `Corrupt` in place of the last piece where the bytes are not those that were stored.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError>;
}
