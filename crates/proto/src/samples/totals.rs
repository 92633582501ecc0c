//! The sums and extremes that grow while a file is read.

use super::decimal::{Decimal, Sample};
use super::summary::{Parts, Summary};
use super::time::Timestamp;

/// The totals of the lines read so far.
///
/// The sum is kept in two parts, of which neither can overflow: 2^64 whole parts of 64 bits fit 128,
/// and so do as many fractions. So nothing is checked line by line, and whether a sum fits depends on
/// the file alone, not on the order in which its parts are added.
#[derive(Debug)]
pub(super) struct Totals {
    whole: i128,
    fraction: i128,
    min: Decimal,
    max: Decimal,
    times: Option<(Timestamp, Timestamp)>,
}

/// The totals of integers, in wholes.
#[derive(Clone, Copy)]
pub(super) struct Integers {
    pub(super) sum: i128,
    pub(super) min: i64,
    pub(super) max: i64,
}

impl Integers {
    /// The totals of no integers.
    pub(super) const NONE: Self = Self {
        sum: 0,
        min: i64::MAX,
        max: i64::MIN,
    };

    pub(super) fn add(&mut self, value: i64) {
        self.sum += i128::from(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }
}

impl Totals {
    pub(super) const fn new() -> Self {
        let (min, max) = (
            Decimal::from_units(i128::MAX),
            Decimal::from_units(i128::MIN),
        );
        Self {
            whole: 0,
            fraction: 0,
            min,
            max,
            times: None,
        }
    }

    pub(super) fn add(&mut self, sample: Sample) {
        self.whole += i128::from(sample.whole);
        self.fraction += i128::from(sample.fraction);
        self.min = self.min.min(sample.value());
        self.max = self.max.max(sample.value());
    }

    pub(super) fn add_integers(&mut self, integers: Integers) {
        if integers.min > integers.max {
            return; // There are none, and no extremes.
        }
        self.whole += integers.sum;
        self.min = self.min.min(Decimal::from(integers.min));
        self.max = self.max.max(Decimal::from(integers.max));
    }

    pub(super) fn add_time(&mut self, time: Timestamp) {
        let (first, last) = self.times.get_or_insert((time, time));
        *first = time.min(*first);
        *last = time.max(*last);
    }

    /// Adds what others have added up.
    pub(super) fn add_all(&mut self, other: &Self) {
        self.whole += other.whole;
        self.fraction += other.fraction;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if let Some((first, last)) = other.times {
            self.add_time(first);
            self.add_time(last);
        }
    }

    /// The summary of the `count` samples that were added, or `None` where the sum does not fit.
    pub(super) fn summary(self, count: u64) -> Option<Summary> {
        if count == 0 {
            return Some(Summary::default());
        }
        let sum = self
            .whole
            .checked_mul(Decimal::from(1).units())?
            .checked_add(self.fraction)?;
        let (first, last) = self.times.unzip();
        let parts = Parts {
            count,
            sum: Decimal::from_units(sum),
            min: Some(self.min),
            max: Some(self.max),
            first,
            last,
        };
        parts.try_into().ok()
    }
}
