//! Removing the files of segments that are replaced or deleted, away from the writer: to remove a
//! large file takes time.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::limits::SWEEP_QUEUE;

/// A thread that removes files. What it fails to remove is an orphan at the next start.
pub(super) struct Sweeper {
    paths: Option<SyncSender<PathBuf>>,
    thread: Option<JoinHandle<()>>,
}

impl Sweeper {
    pub(super) fn start() -> io::Result<Self> {
        let (paths, queue) = sync_channel(SWEEP_QUEUE);
        let thread = thread::Builder::new().name("store-sweep".to_owned());
        let thread = thread.spawn(move || queue.iter().for_each(remove))?;
        Ok(Sweeper {
            paths: Some(paths),
            thread: Some(thread),
        })
    }

    /// Waits where too many files wait already.
    pub(super) fn remove(&self, path: PathBuf) {
        if let Some(paths) = &self.paths
            && paths.send(path).is_err()
        {
            tracing::warn!("a file stays until the next start: the sweeping thread ended");
        }
    }
}

impl Drop for Sweeper {
    /// Waits until everything is removed.
    fn drop(&mut self) {
        self.paths = None;
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::warn!("the sweeping thread ended by a panic");
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the queue's end")]
fn remove(path: PathBuf) {
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "a file stays until the next start");
        }
        _ => {}
    }
}
