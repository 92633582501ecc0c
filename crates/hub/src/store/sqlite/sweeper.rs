//! Removing the files of segments that are replaced or deleted, away from the writer: to remove a
//! large file takes time.
//!
//! A segment that loses its row is noted as former in the same transaction. So a start after a crash
//! tells a file that may go from one that a restored database does not know.

use std::fs;
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::limits::SWEEP_QUEUE;
use super::{Shared, pyramids};

/// A thread that removes files. A file that it fails to remove goes at the next start.
pub(super) struct Sweeper {
    segments: Option<SyncSender<u64>>,
    thread: Option<JoinHandle<()>>,
}

impl Sweeper {
    pub(super) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let (segments, queue) = sync_channel(SWEEP_QUEUE);
        let thread = thread::Builder::new().name("store-sweep".to_owned());
        let thread = thread.spawn(move || queue.iter().for_each(|id| remove(id, &shared)))?;
        Ok(Sweeper {
            segments: Some(segments),
            thread: Some(thread),
        })
    }

    /// Removes the file of this segment. Waits where too many files wait already.
    pub(super) fn remove(&self, segment: u64) {
        if let Some(segments) = &self.segments
            && segments.send(segment).is_err()
        {
            tracing::warn!("a file stays until the next start: the sweeping thread ended");
        }
    }
}

impl Drop for Sweeper {
    /// Waits until everything is removed.
    fn drop(&mut self) {
        self.segments = None;
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::warn!("the sweeping thread ended by a panic");
        }
    }
}

fn remove(segment: u64, shared: &Shared) {
    let path = shared.folder.segment(segment);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "a file stays until the next start");
        }
        _ => shared.swept.add(segment),
    }
    // Behind the segment: who builds its pyramid looks for the segment at the end.
    pyramids::remove(segment, shared);
}

/// Former segments whose file is gone: their rows may go with the next transaction.
#[derive(Default)]
pub(super) struct Swept(Mutex<Vec<u64>>);

impl Swept {
    fn add(&self, segment: u64) {
        self.segments().push(segment);
    }

    pub(super) fn peek(&self) -> Vec<u64> {
        self.segments().clone()
    }

    /// The first so many have no row any more.
    pub(super) fn forget(&self, count: usize) {
        self.segments().drain(..count);
    }

    fn segments(&self) -> MutexGuard<'_, Vec<u64>> {
        // Each change is one call, so a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
