//! The embedded store: an SQLite database, and the larger segments as files beside it.
//!
//! ```text
//! hub.lock            held while the store is open
//! hub.db (-wal, -shm) accounts, files, segments of at most 64 KiB, the journal
//! reserve             room for deletions on a full disk
//! segments/<id>       larger segments
//! segments/orphaned/  segments that the database did not name at a start
//! pyramids/<id>       summaries of the parts of a larger segment, which can be built again
//! partial/<key>-...   uploads that are not finished
//! ```
//!
//! A file appears under `segments/` before the row that names it is committed, and goes after the
//! commit that no longer names it and notes that it may go. At a start, files that are so noted are
//! removed. Others that no row names are moved aside and never removed: after a restore they may be
//! data that were acknowledged.

mod accounts;
mod arriving_leaves;
mod audit;
mod audit_surplus;
mod beside;
mod candidates;
mod change;
mod checkpoint;
mod columns;
mod connection;
mod data_file;
mod devices;
mod error;
mod failure;
mod files;
mod flusher;
mod folder;
mod holds;
mod imports;
mod journal;
mod latest;
mod limits;
mod merge;
mod meters;
mod open_error;
mod page_sessions;
mod partial_name;
mod partials;
mod pyramids;
mod query;
mod quota;
mod reader;
mod reconcile;
mod reserve;
mod restored;
mod rewrite;
mod room;
mod rules;
mod schema;
mod segment;
mod segments;
mod sightings;
mod staged;
mod staging;
mod surplus;
mod sweeper;
mod tickets;
mod tokens;
#[cfg(test)]
mod upgrade_tests;
mod vacuum;
mod verify;
mod web_logins;
mod writer;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fleetlink_core::{
    FileRecord, ImportMemory, JournalEntry, KnownNames, Query, SegmentRef, SightingNotes, StagedId,
    StoreCall, StoreError, StoreReply, UnfinishedUpload, UploadChange,
};
use fleetlink_proto::{DataFile, DeviceName, WallTime};
use rusqlite::Connection;

pub use self::beside::StoreCounts;
pub(crate) use self::beside::{
    Beside, DatabaseCopy, FiledSegment, make_private_folder, newest_format, private_file,
};
pub use self::folder::SETTINGS as SETTINGS_FILE;
pub(crate) use self::folder::{DATABASE, LOCK, PARTIALS, PYRAMIDS, RESERVE, RESTORING, SEGMENTS};
use self::limits::COLUMN_TRIES;
pub use self::limits::{INLINE_BYTES, PARTIALS_PER_DEVICE};
pub use self::open_error::OpenError;
pub use self::reconcile::{DamagedSegment, Reconciliation};
pub(crate) use self::restored::{bring_up, pass_over_numbers};
pub use self::verify::{Checked, Fault, Verified, VerifyError};
pub(crate) use self::verify::{CopyCheck, Text, verify};

use self::candidates::Candidates;
use self::change::Write;
use self::columns::Filled;
use self::error::{OpError, of_read};
use self::failure::Health;
use self::folder::Folder;
use self::holds::{FileKey, Holds};
use self::journal::Bounds;
use self::merge::Merger;
use self::meters::StoreMeters;
use self::partials::Partials;
use self::pyramids::{Builder, Building};
use self::reader::Reader;
use self::staged::StagedUploads;
use self::staging::FileStaging;
use self::sweeper::Swept;
use self::writer::Writer;
use super::{
    Column, DeviceChoice, Quotas, Retention, SegmentReader, StageReply, Store, StoreFailure,
    StoreFuture, StoreStatus, StoredDevices, SurplusFile, Window,
};

/// A store in one folder, which no other process can use meanwhile.
///
/// At most 1024 changes and 1024 reads queue up; whoever comes then waits. Dropping the store waits
/// for what is queued. An upload that is still being staged keeps the folder locked.
pub struct SqliteStore {
    // In this order: the merger asks the writer, whose connection is the last, and tidies up when it
    // is closed.
    _merger: Merger,
    _builder: Builder,
    reader: Reader,
    /// For audit records alone.
    audit_reader: Reader,
    writer: Writer,
    shared: Arc<Shared>,
    found: Reconciliation,
}

/// The state that the threads and the uploads share.
struct Shared {
    health: Health,
    partials: Partials,
    staged: StagedUploads,
    swept: Swept,
    holds: Holds,
    /// Data files that may have something to merge.
    candidates: Arc<Candidates<FileKey>>,
    building: Building,
    /// Set once, before anybody uploads.
    quotas: OnceLock<Quotas>,
    /// Segments that may have no pyramid.
    bare: Candidates<u64>,
    meters: StoreMeters,
    folder: Folder,
}

impl SqliteStore {
    /// Tells whether this folder holds a store, or what is left of one.
    pub fn exists(folder: &Path) -> bool {
        Folder::is_used(folder)
    }

    /// Opens the store in this folder, or makes an empty one there, and repairs what a crash left.
    ///
    /// # Errors
    /// Another process uses the folder, it holds something else or something newer, or the disk
    /// fails.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        connection::check_sqlite()?;
        let folder = Folder::open(folder)?;
        let write = connection::writer(&folder, schema::STEPS)?;
        let found = reconcile::run(&write, &folder)?;
        let next = segments::next_id(&write)?.max(reconcile::next_id_beside(&folder)?);
        let candidates = Arc::<Candidates<FileKey>>::default();
        let shared = Arc::new(Shared {
            health: Health::sound(),
            partials: Partials::new(found.partials),
            staged: StagedUploads::new(next),
            swept: Swept::default(),
            holds: Holds::new(Arc::clone(&candidates)),
            candidates,
            building: Building::default(),
            quotas: OnceLock::new(),
            bare: Candidates::default(),
            meters: StoreMeters::default(),
            folder,
        });
        let read = connection::reader(&shared.folder)?;
        let merge = connection::reader(&shared.folder)?;
        let writer = Writer::start(write, Arc::clone(&shared), found.former);
        let writer = writer.map_err(OpenError::Thread)?;
        let merger = Merger::start(merge, &writer, Arc::clone(&shared));
        let merger = merger.map_err(OpenError::Thread)?;
        let build = connection::reader(&shared.folder)?;
        let builder = Builder::start(build, Arc::clone(&shared));
        let builder = builder.map_err(OpenError::Thread)?;
        let reader = Reader::start(read, Arc::clone(&shared)).map_err(OpenError::Thread)?;
        let read = connection::reader(&shared.folder)?;
        let audit_reader = Reader::start(read, Arc::clone(&shared)).map_err(OpenError::Thread)?;
        Ok(SqliteStore {
            _merger: merger,
            _builder: builder,
            reader,
            audit_reader,
            writer,
            shared,
            found: found.report,
        })
    }

    /// Holds devices to these quotas from now on.
    #[must_use]
    pub fn with_quotas(self, quotas: Quotas) -> Self {
        // A second time changes nothing.
        let _ = self.shared.quotas.set(quotas);
        self
    }

    /// The findings at the opening.
    pub fn reconciliation(&self) -> &Reconciliation {
        &self.found
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, OpError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.reader
            .run(move |connection| read(connection).map_err(of_read))
            .await
    }

    /// Finds the last samples of data files of an older version.
    async fn find_latest(&self) -> Result<(), StoreError> {
        loop {
            let shared = Arc::clone(&self.shared);
            let found = self.read(move |connection| latest::look(connection, &shared.folder));
            let found = found.await?;
            if found.is_empty() {
                return Ok(());
            }
            self.writer.write(Write::PutLatest(found)).await?;
        }
    }
}

impl Store for SqliteStore {
    fn imports(&self, origin: Box<str>) -> StoreFuture<'_, ImportMemory> {
        Box::pin(self.read(move |connection| imports::memory(connection, &origin)))
    }

    fn known_names(&self, names: Vec<DeviceName>) -> StoreFuture<'_, KnownNames> {
        Box::pin(self.read(move |connection| imports::known_names(connection, &names)))
    }

    fn execute(&self, call: StoreCall) -> StoreFuture<'_, StoreReply> {
        match call {
            StoreCall::Change(change) => Box::pin(self.writer.write(Write::Change(change))),
            StoreCall::Recorded(change, by) => {
                Box::pin(self.writer.write(Write::Recorded(change, by)))
            }
            // Another thread's: of a long list of records nobody else waits for the end.
            StoreCall::Query(query @ (Query::Audit { .. } | Query::AuditSince { .. })) => {
                let shared = Arc::clone(&self.shared);
                let run = move |connection: &Connection| {
                    query::run(&query, connection, &shared).map_err(of_read)
                };
                Box::pin(self.audit_reader.run(run))
            }
            StoreCall::Query(query) => {
                let shared = Arc::clone(&self.shared);
                Box::pin(self.read(move |connection| query::run(&query, connection, &shared)))
            }
        }
    }

    fn stage(&self, upload: UploadChange) -> StoreFuture<'_, StageReply> {
        let shared = Arc::clone(&self.shared);
        // On the reader's thread, since it may open a file.
        Box::pin(self.read(move |connection| {
            let quota = rules::quota(connection, &upload.device, shared.quotas.get())?;
            let room = quota::room(connection, quota, &upload)?;
            Ok(FileStaging::begin(shared, upload, room)?)
        }))
    }

    fn discard(&self, staged: StagedId) -> StoreFuture<'_, ()> {
        let discarded = self.writer.write(Write::Discard(staged));
        Box::pin(async { discarded.await.map(|_| ()) })
    }

    fn open_segment(&self, segment: SegmentRef) -> StoreFuture<'_, Box<dyn SegmentReader>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(self.reader.run(move |connection| {
            let reader = segment::open(connection, &shared.folder, &segment)?;
            Ok(Box::new(reader) as Box<dyn SegmentReader>)
        }))
    }

    fn columns(
        &self,
        device: DeviceName,
        file: DataFile,
        window: Window,
    ) -> StoreFuture<'_, Vec<Column>> {
        let file = (device, file);
        Box::pin(async move {
            let mut gone = None;
            for _ in 0..COLUMN_TRIES {
                let (shared, file) = (Arc::clone(&self.shared), file.clone());
                let plan = self
                    .read(move |connection| columns::plan(connection, &shared, &file, &window))
                    .await?;
                let shared = Arc::clone(&self.shared);
                let filled = tokio::task::spawn_blocking(move || columns::fill(plan, &shared));
                let filled = filled.await.map_err(|error| {
                    StoreError::Unavailable(format!("a query ended before its end: {error}"))
                })?;
                match filled? {
                    Filled::Columns(columns) => return Ok(columns),
                    // The database named it again after its file was found to be gone.
                    Filled::Gone(segment) if gone == Some(segment) => {
                        let message = format!("the file of segment {segment} is missing");
                        return Err(StoreError::Corrupt(message));
                    }
                    Filled::Gone(segment) => gone = Some(segment),
                    Filled::PyramidRemoved => {}
                }
            }
            let message = "the data file is changed too often; ask again";
            Err(StoreError::Unavailable(message.to_owned()))
        })
    }

    fn uploads(&self, limit: usize) -> StoreFuture<'_, Vec<UnfinishedUpload>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(
            self.reader
                .run(move |_| Ok(staging::unfinished(&shared, limit))),
        )
    }

    fn files(
        &self,
        device: Option<DeviceName>,
        after: Option<(DeviceName, DataFile)>,
        limit: u32,
    ) -> StoreFuture<'_, Vec<(DeviceName, FileRecord)>> {
        Box::pin(self.read(move |connection| {
            files::page(connection, device.as_ref(), after.as_ref(), limit)
        }))
    }

    fn devices(&self, choice: DeviceChoice) -> StoreFuture<'_, StoredDevices> {
        Box::pin(self.read(move |connection| devices::find(connection, &choice)))
    }

    fn note_sightings(&self, notes: SightingNotes) -> StoreFuture<'_, ()> {
        let noted = self.writer.write(Write::NoteSightings(Box::new(notes)));
        Box::pin(async { noted.await.map(|_| ()) })
    }

    fn tend(&self, now: WallTime, keep: Retention) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let shared = Arc::clone(&self.shared);
            let prune = move |_: &Connection| {
                staging::prune(&shared, now);
                Ok(())
            };
            self.reader.run(prune).await?;
            let bounds = Bounds {
                since: keep.journal_age.map(|age| before(now, age)),
                most: keep.journal_changes,
            };
            while self
                .read(move |connection| journal::has_surplus(connection, &bounds))
                .await?
            {
                self.writer.write(Write::PruneJournal(bounds)).await?;
            }
            let bounds = audit_surplus::Bounds {
                since: keep.audit_age.map(|age| before(now, age)),
                most: keep.audit_events,
            };
            let steps = self.read(move |connection| audit_surplus::steps(connection, &bounds));
            for step in steps.await? {
                self.writer.write(Write::PruneAudit(step)).await?;
            }
            self.find_latest().await
        })
    }

    fn surplus(
        &self,
        now: WallTime,
        keep: Retention,
        limit: u32,
    ) -> StoreFuture<'_, Vec<SurplusFile>> {
        Box::pin(self.read(move |connection| surplus::find(connection, now, &keep, limit)))
    }

    fn journal(&self, after: u64, limit: u32) -> StoreFuture<'_, Vec<JournalEntry>> {
        Box::pin(self.read(move |connection| journal::page(connection, after, limit)))
    }

    fn status(&self) -> StoreStatus {
        let shared = &self.shared;
        StoreStatus {
            is_healthy: shared.health.check().is_ok(),
            commits: shared.meters.commits.get(),
            commit_sizes: shared.meters.commit_sizes.get(),
            flushes: shared.meters.flushes.get(),
            write_queue: self.writer.queue(),
            read_queue: self.reader.queue(),
            pyramid_backlog: shared.bare.len(),
            merge_backlog: shared.candidates.len(),
        }
    }

    fn failed(&self) -> StoreFailure<'_> {
        Box::pin(self.shared.health.failed())
    }
}

/// So long before that time.
fn before(now: WallTime, age: Duration) -> WallTime {
    let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    WallTime::from_unix_millis(now.unix_millis().saturating_sub(age))
}
