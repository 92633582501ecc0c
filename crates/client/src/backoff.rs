//! The waits between tries.

use std::time::Duration;

use rand::RngExt as _;

use crate::limits::{BACKOFF_FIRST, BACKOFF_LONGEST};

/// Exponential waits with jitter, so that a thousand devices do not return to a hub in step.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    tries: u32,
}

impl Backoff {
    /// The next wait: between half of and the whole of a time that doubles up to 30 seconds.
    pub fn next_wait(&mut self) -> Duration {
        let whole = BACKOFF_FIRST
            .saturating_mul(1 << self.tries.min(16))
            .min(BACKOFF_LONGEST);
        self.tries = self.tries.saturating_add(1);
        whole.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// Begins anew: something went well.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// Tries since the start or the last reset.
    pub fn tries(&self) -> u32 {
        self.tries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_bound_and_begin_anew() {
        let mut backoff = Backoff::default();
        assert!(backoff.next_wait() <= BACKOFF_FIRST);
        for _ in 0..40 {
            assert!(backoff.next_wait() <= BACKOFF_LONGEST);
        }
        assert!(backoff.next_wait() >= BACKOFF_LONGEST / 2);
        backoff.reset();
        assert!(backoff.next_wait() <= BACKOFF_FIRST);
    }
}
