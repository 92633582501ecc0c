//! Has the store write down when devices were there: what has happened meanwhile at once, one write at a
//! time, beside all other operations.

use std::sync::Arc;

use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::Driver;

/// The writes of sightings.
#[derive(Default)]
pub(super) struct Noting {
    /// One at most; whether it was done.
    writes: JoinSet<bool>,
}

impl Noting {
    /// Waits for the end of a write; never without one.
    pub(super) async fn ended(&mut self) -> Result<bool, JoinError> {
        match self.writes.join_next().await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }
}

impl Driver {
    /// The time at which there is something to write down. Without an identity no hub runs, and no device comes.
    pub(super) fn notes_due(&self) -> Option<Instant> {
        let due = self.core.sightings_due();
        due.filter(|_| self.identity.is_some())
            .map(|due| self.started + due)
    }

    pub(super) fn note_if_due(&mut self) {
        if self.notes_due().is_some_and(|due| due <= Instant::now()) {
            self.note_sightings();
        }
    }

    fn note_sightings(&mut self) {
        let notes = self.core.take_sightings(self.now());
        let store = Arc::clone(&self.store);
        self.noting.writes.spawn(async move {
            let devices = notes.devices.len();
            let written = store.note_sightings(notes).await;
            match &written {
                Ok(()) => tracing::debug!(devices, "sightings are written down"),
                Err(error) => tracing::warn!(%error, "sightings are not written down yet"),
            }
            written.is_ok()
        });
    }

    pub(super) fn notes_written(&mut self, written: Result<bool, JoinError>) {
        match written {
            Ok(is_written) => self.core.sightings_written(is_written),
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }

    /// Writes down all that has happened; the hub has drained.
    pub(super) async fn note_the_rest(&mut self) {
        if self.identity.is_none() {
            return;
        }
        while let Some(written) = self.noting.writes.join_next().await {
            self.notes_written(written);
        }
        self.note_sightings();
        let written = self.noting.ended().await;
        self.notes_written(written);
    }
}
