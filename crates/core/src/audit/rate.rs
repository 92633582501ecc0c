//! A bound of events a second.

use std::time::Duration;

/// Passes so many events a second, and so many at once after a pause.
#[derive(Debug)]
pub(super) struct Rate {
    a_second: u32,
    at_once: u32,
    /// The events that may pass, in millionths.
    left: u64,
    seen: Duration,
}

const ONE: u64 = 1_000_000;

impl Rate {
    pub(super) fn of((a_second, at_once): (u32, u32)) -> Self {
        Rate {
            a_second,
            at_once,
            left: u64::from(at_once) * ONE,
            seen: Duration::ZERO,
        }
    }

    /// Whether one more event passes.
    pub(super) fn passes(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.seen).as_micros();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        self.seen = now.max(self.seen);
        let more = passed.saturating_mul(u64::from(self.a_second));
        self.left = self
            .left
            .saturating_add(more)
            .min(u64::from(self.at_once) * ONE);
        let passes = self.left >= ONE;
        if passes {
            self.left -= ONE;
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_pass_at_once_and_so_many_a_second() {
        let mut rate = Rate::of((5, 100));
        let mut passed = |at: Duration, tries: u32| (0..tries).filter(|_| rate.passes(at)).count();
        assert_eq!(passed(Duration::from_secs(1), 1000), 100);
        assert_eq!(passed(Duration::from_millis(1900), 1000), 4);
        assert_eq!(passed(Duration::from_millis(2000), 1000), 1);
        assert_eq!(passed(Duration::from_secs(1), 1000), 0, "a time before");
        assert_eq!(passed(Duration::from_secs(3600), 1000), 100);
    }
}
