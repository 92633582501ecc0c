//! Histograms of times and sizes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The bounds of times, in microseconds.
pub(crate) const LATENCIES: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 10_000_000,
];
/// The bounds of the numbers of changes that are committed together.
pub(crate) const COMMIT_SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// Counts how often a number was at most each of some bounds.
#[derive(Debug)]
pub(crate) struct Histogram {
    bounds: &'static [u64],
    /// One for each bound, and one for what is larger.
    buckets: Vec<AtomicU64>,
    sum: AtomicU64,
}

/// A histogram as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) bounds: &'static [u64],
    /// One more than there are bounds.
    pub(crate) buckets: Vec<u64>,
    pub(crate) count: u64,
    pub(crate) sum: u64,
}

impl Histogram {
    pub(crate) fn new(bounds: &'static [u64]) -> Self {
        Histogram {
            bounds,
            buckets: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// Counts a time.
    pub(crate) fn observe(&self, time: Duration) {
        self.count(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts a number.
    pub(crate) fn count(&self, number: u64) {
        let place = self.bounds.partition_point(|bound| *bound < number);
        if let Some(bucket) = self.buckets.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(number, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Observed {
        let buckets: Vec<u64> = self
            .buckets
            .iter()
            .map(|bucket| bucket.load(Ordering::Relaxed))
            .collect();
        Observed {
            bounds: self.bounds,
            // Not a counter of its own: it has to be the sum of the buckets that are shown.
            count: buckets.iter().sum(),
            buckets,
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_counted_below_the_first_bound_that_it_does_not_exceed() {
        let histogram = Histogram::new(&[1, 10]);
        for number in [0, 1, 2, 10, 11, 1_000] {
            histogram.count(number);
        }
        let observed = histogram.get();
        assert_eq!(observed.buckets, [2, 2, 2]);
        assert_eq!((observed.count, observed.sum), (6, 1_024));
        let times = Histogram::new(LATENCIES);
        times.observe(Duration::from_micros(101));
        times.observe(Duration::MAX);
        assert_eq!(times.get().buckets[1], 1);
        assert_eq!(times.get().buckets[LATENCIES.len()], 1);
    }
}
