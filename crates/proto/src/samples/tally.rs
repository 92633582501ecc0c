//! Samples added one by one.

use super::decimal::Decimal;
use super::summary::{Parts, Summary};
use super::time::Timestamp;

/// Adds up single samples faster than summaries of one sample are merged.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    count: u64,
    sum: Option<i128>,
    min: i128,
    max: i128,
    times: Option<(Timestamp, Timestamp)>,
}

impl Tally {
    /// The tally of no samples.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            count: 0,
            sum: Some(0),
            min: i128::MAX,
            max: i128::MIN,
            times: None,
        }
    }

    /// Adds a sample, which has a time if and only if the others have one.
    pub fn add(&mut self, time: Option<Timestamp>, sample: Decimal) {
        let units = sample.units();
        self.count += 1;
        self.sum = self.sum.and_then(|sum| sum.checked_add(units));
        self.min = self.min.min(units);
        self.max = self.max.max(units);
        if let Some(time) = time {
            let (first, last) = self.times.get_or_insert((time, time));
            *first = time.min(*first);
            *last = time.max(*last);
        }
    }

    /// The summary of the samples; `None` where their sum leaves its range.
    #[must_use]
    pub fn summary(self) -> Option<Summary> {
        if self.count == 0 {
            return Some(Summary::default());
        }
        let (first, last) = self.times.unzip();
        let parts = Parts {
            count: self.count,
            sum: Decimal::from_units(self.sum?),
            min: Some(Decimal::from_units(self.min)),
            max: Some(Decimal::from_units(self.max)),
            first,
            last,
        };
        parts.try_into().ok()
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::SampleParser;

    #[test]
    fn a_tally_is_what_the_parser_makes_of_the_same_samples() {
        for lines in [&["1.5", "-2", "0.000000001"][..], &["7"], &[]] {
            for start in [None, Some(1_664_533_873_i128)] {
                let (mut tally, mut parser) = (Tally::new(), SampleParser::new());
                for (line, n) in lines.iter().zip([5, 3, 9]) {
                    let seconds = start.map(|start| start + n);
                    let nanos = seconds.map(|seconds| seconds * 1_000_000_000);
                    let time = nanos.and_then(Timestamp::from_unix_nanos);
                    let text = match seconds {
                        None => format!("{line}\n"),
                        Some(seconds) => format!("{seconds},{line}\n"),
                    };
                    tally.add(time, line.parse().unwrap());
                    parser.feed(text.as_bytes()).unwrap();
                }
                assert_eq!(tally.summary(), Some(parser.finish().unwrap()));
            }
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_is_no_summary() {
        let mut tally = Tally::new();
        tally.add(None, Decimal::from_units(i128::MAX));
        assert!(tally.summary().is_some());
        tally.add(None, Decimal::from_units(1));
        assert_eq!(tally.summary(), None);
    }
}
