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

    /// The answer to a flush that failed. The bytes that it was to make durable are lost. Where the
    /// file system had no room for them or had become read-only, nothing else is in doubt; any other
    /// error may be that of a disk that loses what others flushed.
    ///
    /// Only for the error of the flush itself: a file or folder that could not be opened for it is
    /// [`not_done`].
    pub(super) fn flush_failed(&self, error: &io::Error) -> StoreError {
        if is_full(error) || error.kind() == io::ErrorKind::ReadOnlyFilesystem {
            return not_done("flushing to the disk", error);
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

/// Whether there was no room: on the disk, in a quota, or under a limit for the size of files.
pub(super) fn is_full(error: &io::Error) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_that_found_no_room_or_nothing_to_write_to_leaves_the_store_sound() {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let health = Health::sound();
        for kind in [StorageFull, QuotaExceeded, FileTooLarge] {
            assert_eq!(health.flush_failed(&kind.into()), StoreError::Full);
        }
        let refused = health.flush_failed(&ReadOnlyFilesystem.into());
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
        assert_eq!(health.check(), Ok(()));
        health.flush_failed(&io::Error::other("the disk is broken"));
        assert!(health.check().is_err());
    }
}
