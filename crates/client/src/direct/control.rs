//! Watching a transfer, and ending it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetlink_proto::transfer::{Ended, Reason, WaitsFor};
use tokio::sync::watch;

/// The progress of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the file that came to the receiver, as far as this device has heard of it. Others may
    /// be on their way.
    pub bytes: u64,
    /// Bytes that the file has.
    pub size: u64,
    /// The time since the content began to move.
    pub elapsed: Duration,
}

/// One transfer's progress, and the way to end it. Clones are of the same transfer.
#[derive(Debug, Clone)]
pub struct Control(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    progress: watch::Sender<Progress>,
    waits: watch::Sender<Option<WaitsFor>>,
    ended: watch::Sender<Option<Ended>>,
}

impl Progress {
    /// Bytes a second since the content began; 0 before that.
    pub fn rate(&self) -> u64 {
        let millis = self.elapsed.as_millis().max(1);
        u64::try_from(u128::from(self.bytes) * 1000 / millis).unwrap_or(u64::MAX)
    }
}

impl Default for Control {
    fn default() -> Self {
        Control::new()
    }
}

impl Control {
    /// For a transfer that has not begun.
    pub fn new() -> Self {
        let progress = Progress {
            bytes: 0,
            size: 0,
            elapsed: Duration::ZERO,
        };
        Control(Arc::new(Inner {
            progress: watch::Sender::new(progress),
            waits: watch::Sender::new(None),
            ended: watch::Sender::new(None),
        }))
    }

    /// Follows the progress: what it is when looked at, never a queue.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.0.progress.subscribe()
    }

    /// Bytes that came to the receiver, as [`Progress::bytes`] says.
    pub fn arrived(&self) -> u64 {
        self.0.progress.borrow().bytes
    }

    /// The thing that the transfer waits for, at this device or its peer, where one of them has said so.
    pub fn waits(&self) -> watch::Receiver<Option<WaitsFor>> {
        self.0.waits.subscribe()
    }

    /// Ends the transfer; the peer is told why. The first reason counts. Nothing happens where it is
    /// over, or where the receiver is already giving the whole and durable file its name.
    pub fn cancel(&self, reason: Reason, message: &str) {
        self.0.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            ended.get_or_insert_with(|| Ended::new(reason, message));
            first
        });
    }

    /// Waits until it was ended by [`Control::cancel`].
    pub async fn cancelled(&self) -> Ended {
        let mut changes = self.0.ended.subscribe();
        loop {
            let ended = changes.borrow_and_update().clone();
            if let Some(ended) = ended {
                return ended;
            }
            // It does not fail: the sending half lives in `self`.
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    pub(super) fn waiting(&self, waits: Option<WaitsFor>) {
        self.0.waits.send_if_modified(|now| {
            let changed = *now != waits;
            *now = waits;
            changed
        });
    }

    /// Notes, for tests, that so many bytes have come.
    #[cfg(test)]
    pub(crate) fn came_now(&self, bytes: u64, size: u64) {
        self.came(bytes, size, Instant::now());
    }

    /// Notes how many bytes have come since the content began.
    pub(super) fn came(&self, bytes: u64, size: u64, since: Instant) {
        self.0.progress.send_replace(Progress {
            bytes,
            size,
            elapsed: since.elapsed(),
        });
    }
}
