//! Merging small segments in the background, so that many small appends do not stay many rows.
//!
//! Whenever a file has enough segments of about one size beside each other, they become one: its bytes
//! are theirs, with the newlines that joined them, under a hash of its own and with a summary merged of
//! theirs. The bytes, the version and the totals of the file stay as they were; only its number of
//! segments shrinks. A merge is a change like others: its new segment is durable first, then one
//! transaction puts it in the place of the old ones, and does nothing where one of those has gone.

mod apply;
mod build;
mod plan;

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use fleetlink_core::{SegmentRef, StoreError};
use rusqlite::Connection;

pub(super) use self::apply::apply;
pub(super) use self::plan::is_due;

use super::Shared;
use super::change::Write;
use super::failure::Guard;
use super::holds::FileKey;
use super::segments::NewSegment;
use super::writer::{Jobs, Writer};

/// Segments that become one.
pub(super) struct Merge {
    pub(super) file: FileKey,
    /// Those that go, in their order.
    pub(super) sources: Vec<SegmentRef>,
    /// The one that comes.
    pub(super) merged: NewSegment,
}

/// The thread that merges, with a connection of its own that reads.
pub(super) struct Merger {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Merger {
    pub(super) fn start(
        connection: Connection,
        writer: &Writer,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        let ended = || io::Error::other("the writer ended");
        let jobs = writer.jobs().ok_or_else(ended)?;
        let mut desk = Desk {
            connection,
            jobs,
            shared: Arc::clone(&shared),
            damaged: HashSet::new(),
        };
        let thread = thread::Builder::new().name("store-merge".to_owned());
        let thread = Some(thread.spawn(move || desk.run())?);
        Ok(Merger { shared, thread })
    }
}

impl Drop for Merger {
    /// Waits for the merge that is going on.
    fn drop(&mut self) {
        self.shared.candidates.close();
        if let Some(thread) = self.thread.take() {
            // A panic was reported by the thread's guard.
            let _ = thread.join();
        }
    }
}

struct Desk {
    connection: Connection,
    jobs: Jobs,
    shared: Arc<Shared>,
    /// Files with a segment that cannot be read: they stay as they are.
    damaged: HashSet<FileKey>,
}

impl Desk {
    fn run(&mut self) {
        let shared = Arc::clone(&self.shared);
        let _guard = Guard(&shared.health, "merger");
        let find = |connection: &Connection| {
            plan::candidates(connection).unwrap_or_else(|error| {
                tracing::debug!(%error, "files to merge cannot be looked for");
                Vec::new()
            })
        };
        while let Some(file) = shared.candidates.next(|| find(&self.connection)) {
            while !self.damaged.contains(&file) && !shared.candidates.is_closed() {
                match self.merge(&file) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        self.note_failure(&file, &error);
                        break;
                    }
                }
            }
        }
    }

    /// Makes one segment of several; `false` where there is nothing to merge.
    fn merge(&self, file: &FileKey) -> Result<bool, StoreError> {
        self.shared.health.check()?;
        let Some(planned) = plan::plan(&self.connection, file)? else {
            return Ok(false);
        };
        let merge = build::build(&self.connection, &self.shared, file, &planned)?;
        let id = merge.merged.id;
        let in_file = merge.merged.body.is_none();
        let outcome = self.jobs.blocking_write(Write::Merge(Box::new(merge)));
        match outcome {
            Ok(_) => Ok(true),
            // It may be named by a row: then the next start sees.
            Err(StoreError::Unknown(why)) => Err(StoreError::Unknown(why)),
            Err(error) => {
                if in_file {
                    build::remove(&self.shared, id);
                }
                Err(error)
            }
        }
    }

    fn note_failure(&mut self, file: &FileKey, error: &StoreError) {
        let (device, number) = file;
        match error {
            // A snapshot is in use, or the file was changed meanwhile.
            StoreError::Conflict(_) | StoreError::NotFound => {}
            StoreError::Corrupt(_) => {
                tracing::warn!(%device, file = %number, %error, "small segments stay unmerged");
                self.damaged.insert(file.clone());
            }
            error => {
                tracing::debug!(%device, file = %number, %error, "segments are not merged yet");
            }
        }
    }
}
