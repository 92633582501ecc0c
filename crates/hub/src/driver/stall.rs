//! Whether the hub itself stood still: its process was stopped, or got no processor.

use std::time::Duration;

use tokio::time::Instant;

/// Notices a driver that did not run when it should have.
pub(super) struct StallWatch {
    /// The time between two looks at the clock, whatever happens.
    beat: Duration,
    looked: Instant,
}

impl StallWatch {
    pub(super) fn new(keep_alive: Duration, now: Instant) -> Self {
        StallWatch {
            beat: keep_alive / 8,
            looked: now,
        }
    }

    /// The time of the next look at the clock.
    pub(super) fn next(&self) -> Instant {
        self.looked + self.beat
    }

    /// The driver looks at the clock; for how long it did not, if that is too long.
    pub(super) fn looked(&mut self, now: Instant) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.looked);
        self.looked = now;
        (passed > self.beat * 2).then_some(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_that_was_late_by_a_beat_stood_still() {
        let now = Instant::now();
        let mut stalls = StallWatch::new(Duration::from_secs(8), now);
        assert_eq!(stalls.next(), now + Duration::from_secs(1));
        let now = now + Duration::from_secs(2);
        assert_eq!(stalls.looked(now), None);
        let now = now + Duration::from_secs(60);
        assert_eq!(stalls.looked(now), Some(Duration::from_secs(60)));
        assert_eq!(stalls.looked(now), None);
    }
}
