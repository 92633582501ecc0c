//! One timer for a deadline that moves with nearly everything that happens.

use std::pin::Pin;
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// Rings no later than it was told. A deadline that moves away costs nothing: the timer stays as it
/// is, rings early, and is told the new one then.
#[derive(Debug)]
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
}

impl Alarm {
    /// Rings at `until`.
    pub(super) fn new(until: Instant) -> Self {
        let sleep = Box::pin(sleep_until(until.into()));
        Alarm { sleep }
    }

    /// Makes it ring at `until`, or before.
    pub(super) fn no_later_than(&mut self, until: Instant) {
        let until = until.into();
        if until < self.sleep.deadline() || self.sleep.is_elapsed() {
            self.sleep.as_mut().reset(until);
        }
    }

    /// Waits for it. Safe to drop.
    pub(super) async fn rings(&mut self) {
        self.sleep.as_mut().await;
    }
}
