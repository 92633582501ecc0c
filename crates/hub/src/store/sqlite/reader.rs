//! The one thread that reads the database, so that no read waits for a commit.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use fleetlink_core::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};
use tracing::Span;

use super::Shared;
use super::failure::Guard;
use super::limits::READ_QUEUE;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// The way to the reading thread, which ends when this is dropped.
pub(super) struct Reader {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    pub(super) fn start(connection: Connection, shared: Arc<Shared>) -> io::Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<Job>(READ_QUEUE);
        let thread = thread::Builder::new().name("store-read".to_owned());
        let thread = thread.spawn(move || {
            let _guard = Guard(&shared.health, "reader");
            while let Some(job) = queue.blocking_recv() {
                job(&connection);
            }
        })?;
        Ok(Reader {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// The reads that wait, and how many may.
    pub(super) fn queue(&self) -> (usize, usize) {
        self.jobs.as_ref().map_or((0, READ_QUEUE), |jobs| {
            (jobs.max_capacity() - jobs.capacity(), jobs.max_capacity())
        })
    }

    /// Waits for room in the queue, then for what `read` makes of the newest state.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let ended = || StoreError::Unavailable("the store's reader ended".to_owned());
        let (reply, replied) = oneshot::channel();
        let span = Span::current();
        let job: Job = Box::new(move |connection| {
            // Who asked may have gone.
            let _ = reply.send(span.in_scope(|| read(connection)));
        });
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        jobs.send(job).await.map_err(|_| ended())?;
        replied.await.unwrap_or_else(|_| Err(ended()))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic was reported by the thread's guard.
            let _ = thread.join();
        }
    }
}
