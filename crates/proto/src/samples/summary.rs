//! The summary of the samples of a file or a segment: enough for every operation.

use serde::{Deserialize, Serialize};

use super::decimal::Decimal;
use super::operation::{NoSamples, Operation};
use super::time::Timestamp;

/// Count, exact sum, extremes and times of samples.
///
/// A parsed or decoded summary is consistent: minimum and maximum are there if and only if there are
/// samples, the times if and only if the samples are timed, and the average lies between the
/// extremes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Summary {
    count: u64,
    sum: Decimal,
    min: Option<Decimal>,
    max: Option<Decimal>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// The fields of a summary before anything is known of them.
#[derive(Deserialize)]
pub(super) struct Parts {
    pub(super) count: u64,
    pub(super) sum: Decimal,
    pub(super) min: Option<Decimal>,
    pub(super) max: Option<Decimal>,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
}

impl Summary {
    /// The number of samples.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The exact sum of the samples.
    #[must_use]
    pub const fn sum(&self) -> Decimal {
        self.sum
    }

    /// The smallest sample.
    #[must_use]
    pub const fn min(&self) -> Option<Decimal> {
        self.min
    }

    /// The largest sample.
    #[must_use]
    pub const fn max(&self) -> Option<Decimal> {
        self.max
    }

    /// The earliest time, wherever in the file it stands.
    #[must_use]
    pub const fn first(&self) -> Option<Timestamp> {
        self.first
    }

    /// The latest time, wherever in the file it stands.
    #[must_use]
    pub const fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// Whether the samples carry times, or `None` where there are no samples.
    #[must_use]
    pub const fn is_timed(&self) -> Option<bool> {
        match self.count {
            0 => None,
            _ => Some(self.first.is_some()),
        }
    }

    /// Adds the samples that `other` stands for.
    ///
    /// # Errors
    /// The sum or the count leaves its range, or one of the two is timed and the other is not.
    /// `self` is then unchanged.
    pub fn merge(&mut self, other: &Self) -> Result<(), MergeError> {
        if let (Some(ours), Some(theirs)) = (self.is_timed(), other.is_timed())
            && ours != theirs
        {
            return Err(MergeError::TimedWithPlain);
        }
        *self = Self {
            count: self
                .count
                .checked_add(other.count)
                .ok_or(MergeError::CountOverflow)?,
            sum: self
                .sum
                .checked_add(other.sum)
                .ok_or(MergeError::SumOverflow)?,
            min: either(self.min, other.min, Ord::min),
            max: either(self.max, other.max, Ord::max),
            first: either(self.first, other.first, Ord::min),
            last: either(self.last, other.last, Ord::max),
        };
        Ok(())
    }

    /// The arithmetic mean: exact where it ends within nine decimals, else rounded half to even
    /// there. `None` where there are no samples.
    #[must_use]
    pub fn average(&self) -> Option<Decimal> {
        if self.count == 0 {
            return None;
        }
        let count = i128::from(self.count);
        let (floor, rest) = (
            self.sum.units().div_euclid(count),
            self.sum.units().rem_euclid(count),
        );
        // The rest is below 2^64, so its double is no risk; and where there is a rest, the count is
        // at least 2 and the floor far from the end of its range.
        let up = match (2 * rest).cmp(&count) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => floor.rem_euclid(2),
            std::cmp::Ordering::Greater => 1,
        };
        Some(Decimal::from_units(floor + up))
    }

    /// The result of `operation`.
    ///
    /// # Errors
    /// There are no samples, and the operation is not SUM, which is then 0.
    pub fn compute(&self, operation: Operation) -> Result<Decimal, NoSamples> {
        match operation {
            Operation::Sum => Some(self.sum),
            Operation::Average => self.average(),
            Operation::Max => self.max,
            Operation::Min => self.min,
        }
        .ok_or(NoSamples(operation))
    }
}

/// The better of two by `choose`, where there are two.
fn either<T>(a: Option<T>, b: Option<T>, choose: fn(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(choose(a, b)),
        (a, b) => a.or(b),
    }
}

impl TryFrom<Parts> for Summary {
    type Error = Inconsistent;

    fn try_from(parts: Parts) -> Result<Self, Inconsistent> {
        let Parts {
            count,
            sum,
            min,
            max,
            first,
            last,
        } = parts;
        let consistent = match (min, max) {
            (None, None) => count == 0 && sum == Decimal::ZERO && first.is_none(),
            (Some(min), Some(max)) => count > 0 && bounds(count, min, max).contains(&sum.units()),
            _ => false,
        };
        // Of two times both are there or neither, and `None` is before any time.
        if !consistent || first.is_some() != last.is_some() || first > last {
            return Err(Inconsistent);
        }
        Ok(Self {
            count,
            sum,
            min,
            max,
            first,
            last,
        })
    }
}

/// The possible sums of `count` samples between two extremes, in units; none if `min > max`.
///
/// A bound beyond the range of an `i128` is no bound, hence the saturation.
fn bounds(count: u64, min: Decimal, max: Decimal) -> std::ops::RangeInclusive<i128> {
    let count = i128::from(count);
    min.units().saturating_mul(count)..=max.units().saturating_mul(count)
}

/// Fields that no samples can have together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the fields of the summary contradict each other")]
pub struct Inconsistent;

/// The reason why two summaries cannot become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// One has times and the other has none.
    #[error("samples with times and samples without cannot be in one file")]
    TimedWithPlain,
    /// The sum does not fit.
    #[error("the sum of the samples is out of range")]
    SumOverflow,
    /// The count does not fit.
    #[error("the number of samples is out of range")]
    CountOverflow,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples::SampleParser;

    fn summary(text: &str) -> Summary {
        let mut parser = SampleParser::new();
        parser.feed(text.as_bytes()).expect("good lines");
        parser.finish().expect("good lines")
    }

    fn average(text: &str) -> String {
        summary(text).average().expect("samples").to_string()
    }

    #[test]
    fn the_nile_has_its_known_answers() {
        let nile = summary(include_str!("../../../../testdata/nile.txt"));
        assert_eq!((nile.count(), nile.is_timed()), (100, Some(false)));
        for (operation, result) in [
            (Operation::Sum, "91935"),
            (Operation::Average, "919.35"),
            (Operation::Max, "1370"),
            (Operation::Min, "456"),
        ] {
            assert_eq!(
                nile.compute(operation).map(|r| r.to_string()).as_deref(),
                Ok(result)
            );
        }
    }

    #[test]
    fn without_samples_only_the_sum_has_a_result() {
        let empty = Summary::default();
        assert_eq!((empty.count(), empty.is_timed()), (0, None));
        assert_eq!(empty.compute(Operation::Sum), Ok(Decimal::ZERO));
        for operation in [Operation::Average, Operation::Max, Operation::Min] {
            assert_eq!(empty.compute(operation), Err(NoSamples(operation)));
        }
        let message = NoSamples(Operation::Max).to_string();
        assert_eq!(message, "the file has no samples, so it has no MAX");
    }

    #[test]
    fn averages_are_rounded_half_to_even_at_the_ninth_decimal() {
        for (samples, result) in [
            ("1\n2\n", "1.5"),
            ("1\n0\n0\n", "0.333333333"),
            ("2\n0\n0\n", "0.666666667"),
            ("-1\n0\n0\n", "-0.333333333"),
            ("-2\n0\n0\n", "-0.666666667"),
            ("0.000000001\n0\n", "0"),
            ("0.000000003\n0\n", "0.000000002"),
            ("0.000000005\n0\n", "0.000000002"),
            ("-0.000000001\n0\n", "0"),
            ("-0.000000003\n0\n", "-0.000000002"),
            ("-0.000000005\n0\n", "-0.000000002"),
        ] {
            assert_eq!(average(samples), result, "{samples:?}");
        }
    }

    #[test]
    fn ten_thousand_million_samples_of_any_size_are_exact() {
        for (extreme, sum) in [
            (
                "9223372036854775807.999999999",
                "92233720368547758079999999990",
            ),
            (
                "-9223372036854775808.999999999",
                "-92233720368547758089999999990",
            ),
        ] {
            let mut all = summary(extreme);
            for _ in 0..10 {
                let part = all;
                for _ in 1..10 {
                    all.merge(&part).expect("within range");
                }
            }
            assert_eq!(all.count(), 10_000_000_000);
            assert_eq!(
                all.compute(Operation::Sum)
                    .map(|sum| sum.to_string())
                    .as_deref(),
                Ok(sum)
            );
            assert_eq!(all.average(), extreme.parse().ok());
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_changes_nothing() {
        let mut large = summary("9223372036854775807");
        let error = loop {
            let before = large;
            if let Err(error) = large.merge(&before) {
                assert_eq!(large, before);
                break error;
            }
        };
        assert_eq!(error, MergeError::SumOverflow);
        let mut zeros = summary("0");
        let error = loop {
            let before = zeros;
            if let Err(error) = zeros.merge(&before) {
                assert_eq!(zeros, before);
                break error;
            }
        };
        assert_eq!(error, MergeError::CountOverflow);
    }

    #[test]
    fn the_average_of_the_largest_sums_does_not_overflow() {
        for (units, count) in [
            (i128::MAX, 1),
            (i128::MIN, 1),
            (i128::MAX, u64::MAX),
            (i128::MIN, 3),
        ] {
            let sum = Decimal::from_units(units);
            let large = Summary {
                count,
                sum,
                ..Summary::default()
            };
            let average = large.average().expect("samples").units();
            let distance = units - average.saturating_mul(i128::from(count));
            assert!(distance.unsigned_abs() * 2 <= u128::from(count));
        }
    }

    #[test]
    fn times_are_the_earliest_and_the_latest_and_do_not_mix_with_none() {
        let mut timed = summary("1000000020,1\n1000000010,2\n1000000015,3\n");
        timed.merge(&summary("1000000005.5,4")).expect("both timed");
        assert_eq!(timed.first(), "1000000005.5".parse().ok());
        assert_eq!(timed.last(), "1000000020".parse().ok());
        assert_eq!(timed.is_timed(), Some(true));
        timed.merge(&Summary::default()).expect("nothing to add");
        let before = timed;
        assert_eq!(timed.merge(&summary("1")), Err(MergeError::TimedWithPlain));
        assert_eq!(timed, before);
    }

    proptest! {
        #[test]
        fn an_average_is_nearest_and_even_between_two(sum in -1000_i128..1000, count in 1_u64..50) {
            let units = Decimal::from_units(sum);
            let summary = Summary { count, sum: units, ..Summary::default() };
            let average = summary.average().expect("samples").units();
            let distance = (2 * (sum - average * i128::from(count))).unsigned_abs();
            prop_assert!(distance <= u128::from(count));
            prop_assert!(distance < u128::from(count) || average % 2 == 0);
        }

        #[test]
        fn merging_is_parsing_the_text_in_one(
            a in prop::collection::vec(any::<i64>(), 0..20),
            b in prop::collection::vec(any::<i64>(), 0..20),
        ) {
            let text = |samples: &[i64]| samples.iter().map(|s| format!("{s}\n")).collect::<String>();
            let mut merged = summary(&text(&a));
            merged.merge(&summary(&text(&b))).expect("within range");
            prop_assert_eq!(merged, summary(&(text(&a) + &text(&b))));
            let json = serde_json::to_string(&merged).expect("plain data");
            prop_assert_eq!(serde_json::from_str::<Summary>(&json).expect("as written"), merged);
        }
    }
}
