//! The summary as bytes, for a row of a database.
//!
//! Numbers are little-endian. Version 1, by its second byte:
//!
//! | kind | layout | bytes |
//! |---|---|---|
//! | 0, no samples | version `u8`, kind `u8` | 2 |
//! | 1, plain | … count `u64`; sum, minimum, maximum `i128` in units of 10^-9 | 58 |
//! | 2, timed | … as plain; first, last `i128` in nanoseconds since the Unix epoch | 90 |

use super::decimal::Decimal;
use super::summary::{Inconsistent, Parts, Summary};
use super::time::Timestamp;

const VERSION: u8 = 1;
const EMPTY: u8 = 0;
const PLAIN: u8 = 1;
const TIMED: u8 = 2;

impl Summary {
    /// The summary as the bytes of a database row.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let kind = match self.is_timed() {
            None => return vec![VERSION, EMPTY],
            Some(false) => PLAIN,
            Some(true) => TIMED,
        };
        let decimals = [Some(self.sum()), self.min(), self.max()];
        let times = [self.first(), self.last()];
        let mut bytes = vec![VERSION, kind];
        bytes.extend(self.count().to_le_bytes());
        for units in decimals.into_iter().flatten().map(Decimal::units) {
            bytes.extend(units.to_le_bytes());
        }
        for nanos in times.into_iter().flatten().map(Timestamp::unix_nanos) {
            bytes.extend(nanos.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Summary::to_bytes`] wrote.
    ///
    /// # Errors
    /// The bytes are of another version or length, or hold what no samples can have.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RowError> {
        let (version, row) = bytes.split_first().ok_or(RowError::Length)?;
        if *version != VERSION {
            return Err(RowError::Version(*version));
        }
        let (kind, mut row) = row.split_first().ok_or(RowError::Length)?;
        let summary = match *kind {
            EMPTY => Self::default(),
            PLAIN | TIMED => read(&mut row, *kind == TIMED)?,
            kind => return Err(RowError::Kind(kind)),
        };
        match row {
            [] => Ok(summary),
            _ => Err(RowError::Length),
        }
    }
}

fn read(row: &mut &[u8], timed: bool) -> Result<Summary, RowError> {
    let count = u64::from_le_bytes(take(row)?);
    let mut number = || take(row).map(i128::from_le_bytes);
    let sum = Decimal::from_units(number()?);
    let min = Some(Decimal::from_units(number()?));
    let max = Some(Decimal::from_units(number()?));
    let mut time = || match timed {
        true => Timestamp::from_unix_nanos(number()?)
            .map(Some)
            .ok_or(RowError::Time),
        false => Ok(None),
    };
    let (first, last) = (time()?, time()?);
    Ok(Parts {
        count,
        sum,
        min,
        max,
        first,
        last,
    }
    .try_into()?)
}

fn take<const N: usize>(row: &mut &[u8]) -> Result<[u8; N], RowError> {
    let (bytes, rest) = row.split_first_chunk().ok_or(RowError::Length)?;
    *row = rest;
    Ok(*bytes)
}

/// The reason why bytes are no summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// Another version wrote them.
    #[error("version {0} of the summary is unknown; expected is {VERSION}")]
    Version(u8),
    /// A kind that this version does not have.
    #[error("kind {0} of the summary is unknown")]
    Kind(u8),
    /// Too few bytes, or too many.
    #[error("the summary has the wrong length")]
    Length,
    /// A time that no sample can have.
    #[error("a time of the summary is outside the years 0000 to 9999")]
    Time,
    /// The fields contradict each other.
    #[error(transparent)]
    Inconsistent(#[from] Inconsistent),
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

    #[test]
    fn the_layout_of_version_1_does_not_change() {
        assert_eq!(Summary::default().to_bytes(), [1, 0]);
        let mut plain = vec![1, 1, 2, 0, 0, 0, 0, 0, 0, 0];
        plain.extend(
            [3_000_000_000_i128, 1_000_000_000, 2_000_000_000]
                .map(i128::to_le_bytes)
                .concat(),
        );
        assert_eq!(summary("1\n2\n").to_bytes(), plain);
        let mut timed = vec![1, 2, 1, 0, 0, 0, 0, 0, 0, 0];
        timed.extend(
            [
                -5_i128,
                -5,
                -5,
                1_664_533_873_000_000_000,
                1_664_533_873_000_000_000,
            ]
            .map(i128::to_le_bytes)
            .concat(),
        );
        assert_eq!(summary("1664533873,-0.000000005").to_bytes(), timed);
    }

    #[test]
    fn a_row_cut_short_or_too_long_is_refused() {
        for text in ["", "1\n2\n", "1664533873,1\n1664533874,2\n"] {
            let bytes = summary(text).to_bytes();
            for length in 0..bytes.len() {
                assert_eq!(Summary::from_bytes(&bytes[..length]), Err(RowError::Length));
            }
            let long = [bytes.as_slice(), &[0]].concat();
            assert_eq!(Summary::from_bytes(&long), Err(RowError::Length));
        }
    }

    #[test]
    fn what_no_samples_can_have_is_refused() {
        assert_eq!(Summary::from_bytes(&[2, 0]), Err(RowError::Version(2)));
        assert_eq!(Summary::from_bytes(&[1, 3]), Err(RowError::Kind(3)));
        let row = |count: u64, numbers: &[i128]| {
            let mut bytes = vec![1, if numbers.len() > 3 { TIMED } else { PLAIN }];
            bytes.extend(count.to_le_bytes());
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            Summary::from_bytes(&bytes).map(|summary| summary.count())
        };
        let contradiction = Err(RowError::Inconsistent(Inconsistent));
        assert_eq!(row(2, &[5, 1, 4]), Ok(2));
        assert_eq!(row(0, &[0, 0, 0]), contradiction);
        assert_eq!(row(2, &[9, 1, 4]), contradiction);
        assert_eq!(row(2, &[5, 4, 1]), contradiction);
        assert_eq!(row(2, &[5, 1, 4, 10, 11]), Ok(2));
        assert_eq!(row(2, &[5, 1, 4, 11, 10]), contradiction);
        assert_eq!(row(2, &[5, 1, 4, i128::MIN, 0]), Err(RowError::Time));
        assert_eq!(row(u64::MAX, &[i128::MAX, 0, i128::MAX]), Ok(u64::MAX));
        assert_eq!(row(u64::MAX, &[0, i128::MIN, i128::MAX]), Ok(u64::MAX));
    }

    proptest! {
        #[test]
        fn rows_round_trip(samples in prop::collection::vec((100_000_000_i64..253_402_300_800, any::<i64>()), 0..20), timed: bool) {
            let text: String = samples.iter().map(|(time, sample)| match timed {
                true => format!("{time},{sample}\n"),
                false => format!("{sample}\n"),
            }).collect();
            let summary = summary(&text);
            prop_assert_eq!(Summary::from_bytes(&summary.to_bytes()), Ok(summary));
        }

        #[test]
        fn any_bytes_are_a_summary_or_refused(mut bytes: Vec<u8>) {
            let _ = Summary::from_bytes(&bytes);
            bytes.splice(0..0, [VERSION, PLAIN]);
            let _ = Summary::from_bytes(&bytes);
        }
    }
}
