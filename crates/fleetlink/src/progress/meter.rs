//! The current rate.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The time that a rate is taken over.
const WINDOW: Duration = Duration::from_secs(5);
/// With less behind it a rate says nothing: what comes first only fills buffers.
const LEAST: Duration = Duration::from_millis(500);

/// Measures from what it is told.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    seen: VecDeque<(Instant, u64)>,
}

impl Meter {
    /// Notes the amount done at this moment.
    pub(crate) fn note(&mut self, done: u64, now: Instant) {
        // The one before the window is its beginning.
        while self.seen.len() > 1 && now.duration_since(self.seen[1].0) >= WINDOW {
            self.seen.pop_front();
        }
        self.seen.push_back((now, done));
    }

    /// Units a second of late; `None` before that can be known.
    pub(crate) fn rate(&self) -> Option<u64> {
        let ((from, before), (to, after)) = (self.seen.front()?, self.seen.back()?);
        let time = to.duration_since(*from);
        if time < LEAST {
            return None;
        }
        let done = u128::from(after.saturating_sub(*before));
        u64::try_from(done * 1000 / time.as_millis()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fills_buffers_first_is_no_rate() {
        let (mut meter, start) = (Meter::default(), Instant::now());
        meter.note(4_000_000, start);
        assert_eq!(meter.rate(), None);
        meter.note(4_001_000, start + Duration::from_millis(100));
        assert_eq!(meter.rate(), None);
        meter.note(4_010_000, start + Duration::from_secs(1));
        assert_eq!(meter.rate(), Some(10_000));
    }

    #[test]
    fn a_rate_is_of_late() {
        let (mut meter, start) = (Meter::default(), Instant::now());
        for tenth in 0..600_u64 {
            let done = if tenth < 300 {
                tenth * 1_000_000
            } else {
                300_000_000
            };
            meter.note(done, start + Duration::from_millis(100 * tenth));
        }
        assert_eq!(meter.rate(), Some(0), "it stands still");
        assert!(meter.seen.len() <= 52);
    }
}
