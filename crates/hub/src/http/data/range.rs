//! The ends of a stretch of a data file, as clients write them.

use fleetlink_proto::samples::{Decimal, Summary, Timestamp};

use super::super::problem::Problem;
use crate::store::{Window, WindowError};

/// The axis on which the samples of a data file lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Times,
    Indices,
}

impl Scale {
    pub(super) fn of(summary: &Summary) -> Self {
        match summary.is_timed() {
            Some(true) => Scale::Times,
            Some(false) | None => Scale::Indices,
        }
    }

    /// A position as a client is told it: milliseconds since 1970, or an index.
    pub(super) fn shown(self, position: i128) -> f64 {
        match self {
            // The whole milliseconds are exact; all nanoseconds together are more than a number holds.
            Scale::Times => {
                let (millis, rest) = (
                    position.div_euclid(1_000_000),
                    position.rem_euclid(1_000_000),
                );
                millis as f64 + rest as f64 / 1e6
            }
            Scale::Indices => position as f64,
        }
    }

    /// The position that a text means.
    fn parse(self, text: &str) -> Option<i128> {
        let number = Decimal::parse_sample(text.as_bytes()).ok();
        match (self, number) {
            // A decimal counts in 10^-9.
            (Scale::Times, Some(millis)) => Some(millis.units().div_euclid(1_000)),
            (Scale::Times, None) => {
                let time = Timestamp::parse(text.as_bytes()).ok()?;
                Some(time.unix_nanos())
            }
            (Scale::Indices, index) => {
                let units = index?.units();
                // The first index that is not before it.
                Some(
                    units.div_euclid(1_000_000_000)
                        + i128::from(units.rem_euclid(1_000_000_000) > 0),
                )
            }
        }
    }
}

/// The window from `from` until before `to`; `None` if it is empty.
///
/// # Errors
/// An end is no position on this scale, or there are too many columns.
pub(super) fn window(
    from: Option<&str>,
    to: Option<&str>,
    columns: u32,
    scale: Scale,
) -> Result<Option<Window>, Problem> {
    let parse = |name: &str, text: Option<&str>| {
        let parsed = text.map(|text| scale.parse(text).ok_or_else(|| no_position(name, scale)));
        parsed.transpose()
    };
    let (from, to) = (parse("from", from)?, parse("to", to)?);
    match Window::new(from, to, columns) {
        Ok(window) => Ok(Some(window)),
        Err(WindowError::Empty { from, to }) if from == to => Ok(None),
        Err(error) => Err(Problem::bad_request(error.to_string())),
    }
}

fn no_position(name: &str, scale: Scale) -> Problem {
    Problem::bad_request(match scale {
        Scale::Times => format!(
            "{name} is a time: RFC 3339, as 2026-01-31T12:00:00Z, or milliseconds since 1970"
        ),
        Scale::Indices => {
            format!("{name} is an index: the samples of this data file have no times")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_such_or_in_milliseconds_and_an_index_as_a_number() {
        let nanos = 1_600_000_000_123_000_000;
        for text in [
            "1600000000123",
            "2020-09-13T12:26:40.123Z",
            "1600000000123.0",
        ] {
            assert_eq!(Scale::Times.parse(text), Some(nanos), "{text}");
        }
        assert_eq!(Scale::Times.parse("0.5"), Some(500_000));
        assert_eq!(Scale::Times.parse("-1"), Some(-1_000_000));
        assert_eq!(Scale::Indices.parse("7"), Some(7));
        assert_eq!(Scale::Indices.parse("6.5"), Some(7));
        for text in ["", "now", "2020-13-01T00:00:00Z"] {
            assert_eq!(Scale::Times.parse(text), None, "{text}");
        }
        assert_eq!(Scale::Indices.parse("2020-09-13T12:26:40Z"), None);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the numbers are exact")]
    fn a_time_in_whole_milliseconds_is_shown_exactly() {
        for millis in [1_735_747_150_046_i64, 1_600_000_000_123, -1, 0] {
            let shown = Scale::Times.shown(i128::from(millis) * 1_000_000);
            assert_eq!(shown, millis as f64);
        }
        assert_eq!(Scale::Times.shown(1_500_000), 1.5);
    }

    #[test]
    fn a_stretch_that_ends_where_it_begins_is_empty_and_one_before_is_a_mistake() {
        let ask = |from, to| window(Some(from), Some(to), 1, Scale::Indices);
        assert_eq!(ask("3", "3").unwrap(), None);
        assert!(ask("3", "4").unwrap().is_some());
        assert!(ask("4", "3").is_err());
        assert!(window(None, None, 0, Scale::Times).is_err());
    }
}
