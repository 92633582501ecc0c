//! Removing the files of segments that are replaced or deleted, away from the writer: to remove a
//! large file takes time.
//!
//! A segment that loses its row is noted as former in the same transaction. So a start after a crash
//! tells a file that may go from one that a restored database does not know.
//!
//! While a backup or a check beside the hub keeps the files, their numbers wait. What still waits at
//! the end of the hub goes at its next start.

use std::fs;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::limits::{SWEEP_AGAIN, SWEEP_QUEUE};
use super::{Shared, pyramids};

/// A thread that removes files. A file that it fails to remove goes at the next start.
pub(super) struct Sweeper {
    segments: Option<SyncSender<u64>>,
    thread: Option<JoinHandle<()>>,
}

impl Sweeper {
    /// Begins with those of `waiting`, which have waited since the last time.
    pub(super) fn start(shared: Arc<Shared>, waiting: Vec<u64>) -> io::Result<Self> {
        let (segments, queue) = sync_channel(SWEEP_QUEUE);
        let thread = thread::Builder::new().name("store-sweep".to_owned());
        let thread = thread.spawn(move || sweep(&queue, waiting, &shared))?;
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
    /// Waits until everything is removed that may be.
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

/// Removes what comes. The numbers that wait take 8 bytes each, less than their rows do.
fn sweep(queue: &Receiver<u64>, mut waiting: Vec<u64>, shared: &Shared) {
    loop {
        remove_all(&mut waiting, shared);
        let next = match waiting.is_empty() {
            true => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => queue.recv_timeout(SWEEP_AGAIN),
        };
        match next {
            Ok(id) => waiting.push(id),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    remove_all(&mut waiting, shared);
    if !waiting.is_empty() {
        let files = waiting.len();
        tracing::info!(
            files,
            "files that a backup or a check keeps are removed at the next start"
        );
    }
}

fn remove_all(waiting: &mut Vec<u64>, shared: &Shared) {
    if waiting.is_empty() {
        return;
    }
    if let Some(_may_remove) = shared.folder.may_remove_segments() {
        waiting.drain(..).for_each(|id| remove(id, shared));
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
