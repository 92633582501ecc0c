//! Uploads of which nothing comes: they are closed, so that others find a place.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fleetlink_proto::control::{ErrorCode, RpcError};
use tokio::time::Instant;

use super::super::wait::HubTurn;

/// The share of the places above which idle uploads have less time.
const MANY: (usize, usize) = (3, 4);
/// The part of the time that they have then: one of so many.
const HURRY: u32 = 6;

/// The open uploads of a hub.
#[derive(Clone)]
pub(crate) struct HubUploads {
    open: Arc<AtomicUsize>,
    places: usize,
    /// The time for which an upload may get no bytes.
    patience: Duration,
}

/// An open upload; counted until it is dropped.
pub(crate) struct OpenPlace(Arc<AtomicUsize>);

impl HubUploads {
    pub(crate) fn new(places: usize, patience: Duration) -> Self {
        HubUploads {
            open: Arc::default(),
            places,
            patience,
        }
    }

    pub(crate) fn open(&self) -> OpenPlace {
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenPlace(Arc::clone(&self.open))
    }

    /// The time for which an upload may get no bytes now.
    pub(crate) fn patience(&self) -> Duration {
        let (many, of) = MANY;
        match self.open.load(Ordering::Relaxed) * of > self.places * many {
            true => self.patience / HURRY,
            false => self.patience,
        }
    }

    /// Resolves, with what the device is told, when nothing of the upload has come for too long
    /// although the hub was listening.
    pub(super) async fn exceeded(&self, turn: &HubTurn, progress: &Progress) -> RpcError {
        let tick = self.patience / HURRY / 2;
        loop {
            let since = progress.last().max(turn.listening_since());
            let patience = self.patience();
            if since.elapsed() >= patience {
                let message = format!(
                    "nothing of this upload came for {} s; what came is kept, go on with \
                     upload.open and the same key",
                    patience.as_secs_f64()
                );
                return RpcError::new(ErrorCode::NoProgress, message);
            }
            tokio::time::sleep(tick.min(patience.saturating_sub(since.elapsed()))).await;
        }
    }
}

impl Drop for OpenPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The time at which the last bytes of an upload came.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<Instant>>);

impl Default for Progress {
    fn default() -> Self {
        Progress(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Progress {
    pub(super) fn made(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
