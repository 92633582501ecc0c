//! Whether the store can still keep what it promises.

use std::io;

use fleetlink_core::StoreError;
use tokio::sync::watch;

/// Sound until the first failure, which is final: a later fsync that succeeds proves nothing about
/// the pages that an earlier one lost.
pub(super) struct Health(watch::Sender<Option<String>>);

impl Health {
    pub(super) fn sound() -> Self {
        Health(watch::Sender::new(None))
    }

    /// `Unavailable` once the store has failed.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match &*self.0.borrow() {
            None => Ok(()),
            Some(reason) => Err(StoreError::Unavailable(reason.clone())),
        }
    }

    pub(super) fn fail(&self, reason: String) {
        self.0.send_if_modified(|state| {
            let first = state.is_none();
            if first {
                tracing::error!(reason, "the store has failed; it takes no more changes");
                *state = Some(reason);
            }
            first
        });
    }

    pub(super) async fn failed(&self) -> String {
        let mut state = self.0.subscribe();
        loop {
            if let Some(reason) = &*state.borrow_and_update() {
                return reason.clone();
            }
            if state.changed().await.is_err() {
                // Not before `self`, which is the sender, is gone.
                return "the store was closed".to_owned();
            }
        }
    }

    /// The answer to a flush that failed: what it was to make durable is lost, and unless there was
    /// merely no room, so may be what others flushed.
    pub(super) fn flush_failed(&self, error: &io::Error) -> StoreError {
        if is_full(error) {
            return StoreError::Full;
        }
        let reason = format!("flushing to the disk failed: {error}");
        self.fail(reason.clone());
        StoreError::Unavailable(reason)
    }
}

/// The answer to a file operation that failed before anything was promised.
pub(super) fn not_done(doing: &str, error: &io::Error) -> StoreError {
    if is_full(error) {
        StoreError::Full
    } else {
        StoreError::Unavailable(format!("{doing} failed: {error}"))
    }
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Fails the store where the thread that holds it ends by a panic: nothing answers in its place.
pub(super) struct Guard<'a>(pub(super) &'a Health, pub(super) &'static str);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0
                .fail(format!("the store's {} ended by a panic", self.1));
        }
    }
}
