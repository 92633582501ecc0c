//! The hub's own time: while a session waits for the hub's disk, or for room of the hub's, nothing is
//! read from it, and that is no silence of the device.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fleetlink_core::{Input, SessionId};
use tokio::time::Instant;
use tracing::Span;

use crate::driver::{DriverGone, DriverHandle};

/// One session's waits for the hub.
#[derive(Clone)]
pub(super) struct HubTurn {
    driver: DriverHandle,
    session: SessionId,
    /// The interval at which the core is told that the session lives: short enough for every deadline.
    interval: Duration,
    reading: Arc<Mutex<Reading>>,
}

/// Whether bytes of the device can come.
struct Reading {
    /// Waits of the reader that are under way.
    waits: usize,
    /// The time at which the last one ended.
    since: Instant,
}

impl HubTurn {
    pub(super) fn new(driver: DriverHandle, session: SessionId, keep_alive: Duration) -> Self {
        HubTurn {
            driver,
            session,
            interval: keep_alive / 8,
            reading: Arc::new(Mutex::new(Reading {
                waits: 0,
                since: Instant::now(),
            })),
        }
    }

    pub(super) fn session(&self) -> SessionId {
        self.session
    }

    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// Waits for something of the hub's, in which time the session lives.
    pub(super) async fn alive<T>(&self, wait: impl Future<Output = T>) -> Result<T, DriverGone> {
        let mut wait = std::pin::pin!(wait);
        loop {
            tokio::select! {
                done = &mut wait => return Ok(done),
                () = tokio::time::sleep(self.interval) => {
                    let session = self.session;
                    self.driver.input(Input::Alive { session }).await?;
                }
            }
        }
    }

    /// The same for the reader, which reads nothing meanwhile.
    pub(super) async fn unread<T>(&self, wait: impl Future<Output = T>) -> Result<T, DriverGone> {
        self.reading().waits += 1;
        let _ends = ReadsAgain(self);
        self.alive(wait).await
    }

    /// Works at the hub's disk, on a thread for that. Without a driver the work is still done.
    pub(super) async fn at_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let span = Span::current();
        let mut working = tokio::task::spawn_blocking(move || span.in_scope(work));
        let done = match self.alive(&mut working).await {
            Ok(done) => done,
            Err(DriverGone) => working.await,
        };
        done.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
    }

    /// Since when the device could have been heard; now, where it cannot.
    pub(super) fn listening_since(&self) -> Instant {
        let reading = self.reading();
        match reading.waits {
            0 => reading.since,
            _ => Instant::now(),
        }
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends one wait of the reader, also where it is given up.
struct ReadsAgain<'a>(&'a HubTurn);

impl Drop for ReadsAgain<'_> {
    fn drop(&mut self) {
        let mut reading = self.0.reading();
        reading.waits -= 1;
        reading.since = Instant::now();
    }
}
