//! The files that a device may begin to report in a time.

use std::time::Duration;

use fleetlink_proto::transfer::limits::{REPORTED_FILE_STEP, REPORTED_FILES_AHEAD};

/// The time at which a device is no longer ahead.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Budget(Duration);

impl Budget {
    /// Takes one file.
    ///
    /// # Errors
    /// The device is too far ahead, for so long.
    pub(crate) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let next = self.0.max(now) + REPORTED_FILE_STEP;
        match next.checked_sub(now + REPORTED_FILES_AHEAD) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                self.0 = next;
                Ok(())
            }
        }
    }

    /// The time at which the device is not ahead.
    pub(crate) fn whole_at(self) -> Duration {
        self.0
    }
}
