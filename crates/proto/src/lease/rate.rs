//! Limits the requests a second of each client network, if there is a limit.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::limits::RATE_SLOTS;
use crate::ClientNetwork;

/// The generic cell rate algorithm (ITU-T I.371, annex A) over a fixed number of slots: sources
/// find theirs by a keyed hash, so that nobody can choose whose rate is shared, and no number of
/// sources takes more memory.
#[derive(Debug)]
pub(super) struct RateLimit {
    /// Nanoseconds between two requests of a client network that keeps to the rate.
    interval: u64,
    /// The time at which the slot's client network would be at rest again.
    rested_at: Box<[u64]>,
    key: RandomState,
}

/// A client network that was at rest may make a second's requests at once.
const BURST_NANOS: u64 = 1_000_000_000;

impl RateLimit {
    pub(super) fn new(per_second: u32, key: RandomState) -> Self {
        RateLimit {
            interval: BURST_NANOS / u64::from(per_second.max(1)),
            rested_at: vec![0; RATE_SLOTS].into_boxed_slice(),
            key,
        }
    }

    /// Counts a request; `false` where it is too early.
    pub(super) fn admit(&mut self, network: ClientNetwork, now: Duration) -> bool {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let slots = u64::try_from(RATE_SLOTS).unwrap_or(u64::MAX);
        let slot = usize::try_from(self.key.hash_one(network) % slots).unwrap_or(0);
        let rested_at = &mut self.rested_at[slot];
        let next = now.max(*rested_at).saturating_add(self.interval);
        let admitted = next <= now.saturating_add(BURST_NANOS);
        if admitted {
            *rested_at = next;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_s_requests_at_once_and_then_one_an_interval() {
        let mut rate = RateLimit::new(10, RandomState::new());
        let network = ClientNetwork::of("192.0.2.1".parse().unwrap());
        let admitted = |rate: &mut RateLimit, millis| {
            let now = Duration::from_millis(millis);
            (0..50).filter(|_| rate.admit(network, now)).count()
        };
        assert_eq!(admitted(&mut rate, 5_000), 10);
        assert_eq!(admitted(&mut rate, 5_099), 0);
        assert_eq!(admitted(&mut rate, 5_100), 1);
        assert_eq!(admitted(&mut rate, 5_400), 3);
        assert_eq!(admitted(&mut rate, 60_000), 10);
    }
}
