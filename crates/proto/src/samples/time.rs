//! The time of a sample.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::calendar;
use super::decimal::{Decimal, DecimalError};
use super::digits::{UNITS_PER_ONE, leading_digits, leading_fraction, write_fraction};
use super::limits::UNIX_SECONDS_DIGITS;

const NANOS_PER_SECOND: i128 = UNITS_PER_ONE as i128;
const SECONDS_PER_DAY: i64 = 86_400;

/// A time in nanoseconds since the Unix epoch, from the year 0000 to the year 9999.
///
/// That is every time that RFC 3339 can write. Nanoseconds in an `i64` would only reach from 1677 to
/// 2262, and devices do send the year 0001 or 9999 for 'never'; hence the `i128`. As text, and so in
/// JSON, it is RFC 3339 in UTC, its fraction without needless zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i128);

impl Timestamp {
    /// `0000-01-01T00:00:00Z`.
    pub const MIN: Self = Self(-62_167_219_200 * NANOS_PER_SECOND);
    /// `9999-12-31T23:59:59.999999999Z`.
    pub const MAX: Self = Self(253_402_300_800 * NANOS_PER_SECOND - 1);

    /// The time `nanos` nanoseconds after the Unix epoch, or `None` outside the years 0000 to 9999.
    #[must_use]
    pub fn from_unix_nanos(nanos: i128) -> Option<Self> {
        let time = Self(nanos);
        (Self::MIN..=Self::MAX).contains(&time).then_some(time)
    }

    /// The time so many seconds and nanoseconds after the Unix epoch, or `None` beyond the year 9999.
    pub(super) fn from_unix(seconds: u64, nanos: u32) -> Option<Self> {
        Self::from_unix_nanos(i128::from(seconds) * NANOS_PER_SECOND + i128::from(nanos))
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_nanos(self) -> i128 {
        self.0
    }

    /// Parses RFC 3339 (section 5.6; `T`, `t` or a space between date and time, `Z`, `z` or an
    /// offset), or Unix seconds of [9 to 12 digits](UNIX_SECONDS_DIGITS); either with up to nine
    /// decimals.
    ///
    /// A leap second (`:60`) is taken where it can occur, at 23:59:60 UTC, and is, as POSIX counts,
    /// the first second of the next day.
    ///
    /// # Errors
    /// The fault of the text.
    pub fn parse(text: &[u8]) -> Result<Self, TimestampError> {
        let nanos = match text.get(4) {
            Some(b'-') => rfc3339(text)?,
            _ => unix_seconds(text)?,
        };
        Self::from_unix_nanos(nanos).ok_or(TimestampError::OutOfRange)
    }
}

fn unix_seconds(text: &[u8]) -> Result<i128, TimestampError> {
    // A decimal counts in 10^-9 as well.
    let nanos = Decimal::parse_sample(text).map_err(not_unix)?.units();
    let (_, digits) = leading_digits(text);
    if UNIX_SECONDS_DIGITS.contains(&digits) {
        Ok(nanos)
    } else if digits > *UNIX_SECONDS_DIGITS.end() {
        Err(TimestampError::OutOfRange)
    } else {
        // A minus sign is no digit: times before 1970 are written by RFC 3339.
        Err(TimestampError::TooFewDigits)
    }
}

/// The error for Unix seconds that are no decimal.
fn not_unix(error: DecimalError) -> TimestampError {
    match error {
        DecimalError::NoFractionDigits | DecimalError::TooManyFractionDigits => {
            TimestampError::BadFraction
        }
        DecimalError::TooManyWholeDigits | DecimalError::WholeOutOfRange => {
            TimestampError::OutOfRange
        }
        _ => TimestampError::NotATime,
    }
}

fn rfc3339(text: &[u8]) -> Result<i128, TimestampError> {
    let (head, rest) = text
        .split_first_chunk::<19>()
        .ok_or(TimestampError::NotATime)?;
    #[rustfmt::skip]
    let &[
        y0, y1, y2, y3, b'-', mo0, mo1, b'-', d0, d1, b'T' | b't' | b' ',
        h0, h1, b':', mi0, mi1, b':', s0, s1,
    ] = head else {
        return Err(TimestampError::NotATime);
    };
    let year = number([y0, y1])? * 100 + number([y2, y3])?;
    let (month, day) = (number([mo0, mo1])?, number([d0, d1])?);
    let (hour, minute, second) = (number([h0, h1])?, number([mi0, mi1])?, number([s0, s1])?);
    let days = calendar::days(year, month, day).ok_or(TimestampError::NoSuchDate)?;
    if hour > 23 || minute > 59 || second > 60 {
        return Err(TimestampError::NoSuchTimeOfDay);
    }
    let (nanos, zone) = match rest {
        [b'.', decimals @ ..] => {
            let (nanos, length) =
                leading_fraction(decimals).map_err(|_| TimestampError::BadFraction)?;
            (nanos, &decimals[length..])
        }
        zone => (0, zone),
    };
    let seconds = days * SECONDS_PER_DAY + i64::from(hour * 3600 + minute * 60 + second)
        - offset_seconds(zone)?;
    if second == 60 && seconds.rem_euclid(SECONDS_PER_DAY) != 0 {
        return Err(TimestampError::NoSuchTimeOfDay);
    }
    Ok(i128::from(seconds) * NANOS_PER_SECOND + i128::from(nanos))
}

/// The seconds by which local time is ahead of UTC.
fn offset_seconds(zone: &[u8]) -> Result<i64, TimestampError> {
    match *zone {
        [b'Z' | b'z'] => Ok(0),
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let (hours, minutes) = (number([h0, h1])?, number([m0, m1])?);
            if hours > 23 || minutes > 59 {
                return Err(TimestampError::BadOffset);
            }
            let ahead = i64::from(hours * 3600 + minutes * 60);
            Ok(if sign == b'-' { -ahead } else { ahead })
        }
        _ => Err(TimestampError::BadOffset),
    }
}

/// The value of two digits.
fn number(digits: [u8; 2]) -> Result<u32, TimestampError> {
    let [tens, ones] = digits.map(|digit| digit.wrapping_sub(b'0'));
    if tens > 9 || ones > 9 {
        return Err(TimestampError::NotATime);
    }
    Ok(u32::from(tens) * 10 + u32::from(ones))
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The range of the type keeps both conversions within their types.
        let seconds = i64::try_from(self.0.div_euclid(NANOS_PER_SECOND)).map_err(|_| fmt::Error)?;
        let nanos = u32::try_from(self.0.rem_euclid(NANOS_PER_SECOND)).map_err(|_| fmt::Error)?;
        let date = calendar::date_of(seconds.div_euclid(SECONDS_PER_DAY)).ok_or(fmt::Error)?;
        let second = seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(out, "{date}T{hour:02}:{minute:02}:{second:02}")?;
        write_fraction(out, nanos)?;
        out.write_str("Z")
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;

    fn try_from(text: String) -> Result<Self, TimestampError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

/// The reason why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestampError {
    /// It has the form of neither.
    #[error("expected is RFC 3339 as in 2022-09-30T10:31:13Z, or Unix seconds as in 1664533873.25")]
    NotATime,
    /// A number that is too short for Unix seconds, or negative.
    #[error("a time in Unix seconds has 9 to 12 digits, as in 1664533873.25")]
    TooFewDigits,
    /// The month or the day does not exist.
    #[error("there is no such date")]
    NoSuchDate,
    /// An hour above 23, a minute above 59, a second above 59 where no leap second can be.
    #[error("there is no such time of day")]
    NoSuchTimeOfDay,
    /// A point without digits, or with too many.
    #[error("one to nine digits are expected after the point of the seconds")]
    BadFraction,
    /// The text after the seconds is no offset.
    #[error("expected after the seconds is Z, or an offset from UTC as in +02:00")]
    BadOffset,
    /// Years that RFC 3339 cannot write.
    #[error("the time is outside the years 0000 to 9999 (Unix times are in seconds)")]
    OutOfRange,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Result<String, TimestampError> {
        text.parse::<Timestamp>().map(|time| time.to_string())
    }

    #[test]
    fn times_are_shown_in_utc() {
        for (text, utc) in [
            ("2022-09-30T10:31:13Z", "2022-09-30T10:31:13Z"),
            ("2022-09-30t10:31:13.250z", "2022-09-30T10:31:13.25Z"),
            ("2022-09-30 10:31:13+02:00", "2022-09-30T08:31:13Z"),
            ("2022-09-30T10:31:13-00:00", "2022-09-30T10:31:13Z"),
            ("2024-02-29T23:30:00-01:30", "2024-03-01T01:00:00Z"),
            ("1664533873", "2022-09-30T10:31:13Z"),
            ("1664533873.000000001", "2022-09-30T10:31:13.000000001Z"),
            ("100000000", "1973-03-03T09:46:40Z"),
            ("253402300799", "9999-12-31T23:59:59Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
            (
                "9999-12-31T23:59:59.999999999Z",
                "9999-12-31T23:59:59.999999999Z",
            ),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("2017-01-01T05:29:60.5+05:30", "2017-01-01T00:00:00.5Z"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(utc), "{text}");
        }
        assert_eq!("0000-01-01T00:00:00Z".parse(), Ok(Timestamp::MIN));
        assert_eq!("9999-12-31T23:59:59.999999999Z".parse(), Ok(Timestamp::MAX));
    }

    #[test]
    fn what_is_no_time_is_refused_with_its_reason() {
        use TimestampError::*;
        for (text, error) in [
            ("", NotATime),
            ("time", NotATime),
            ("2022-09-30", NotATime),
            ("2022-09-30T10:31", NotATime),
            ("2022/09/30 10:31:13Z", NotATime),
            ("2022-9-30T10:31:13Z", NotATime),
            ("2022-09-30_10:31:13Z", NotATime),
            ("2022-0x-30T10:31:13Z", NotATime),
            ("20220930T103113Z", NotATime),
            ("1.2.3", NotATime),
            ("1664533873.1234567890", BadFraction),
            ("1664533873.", BadFraction),
            ("9223372036854775808", OutOfRange),
            ("00000000000000000000", OutOfRange),
            ("2022-02-29T00:00:00Z", NoSuchDate),
            ("2022-00-01T00:00:00Z", NoSuchDate),
            ("2022-13-01T00:00:00Z", NoSuchDate),
            ("2022-09-31T00:00:00Z", NoSuchDate),
            ("2022-09-30T24:00:00Z", NoSuchTimeOfDay),
            ("2022-09-30T10:60:00Z", NoSuchTimeOfDay),
            ("2022-09-30T10:31:61Z", NoSuchTimeOfDay),
            ("2022-09-30T10:31:60Z", NoSuchTimeOfDay),
            ("2016-12-31T23:59:60+01:00", NoSuchTimeOfDay),
            ("2022-09-30T10:31:13.Z", BadFraction),
            ("2022-09-30T10:31:13.1234567890Z", BadFraction),
            ("2022-09-30T10:31:13", BadOffset),
            ("2022-09-30T10:31:13ZZ", BadOffset),
            ("2022-09-30T10:31:13+0200", BadOffset),
            ("2022-09-30T10:31:13+24:00", BadOffset),
            ("2022-09-30T10:31:13+02:60", BadOffset),
            ("0000-01-01T00:00:00+00:01", OutOfRange),
            ("9999-12-31T23:59:60Z", OutOfRange),
            ("1664533873000", OutOfRange),
            ("253402300800", OutOfRange),
            ("99999999", TooFewDigits),
            ("21", TooFewDigits),
            ("0.5", TooFewDigits),
            ("-1664533873", TooFewDigits),
        ] {
            assert_eq!(shown(text), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn text_and_json_round_trip_and_agree_with_jiff(
            nanos in Timestamp::MIN.0..=jiff::Timestamp::MAX.as_nanosecond()
        ) {
            let time = Timestamp::from_unix_nanos(nanos).expect("in range");
            let text = time.to_string();
            prop_assert_eq!(&text, &jiff::Timestamp::from_nanosecond(nanos).expect("in range").to_string());
            prop_assert_eq!(text.parse(), Ok(time));
            let json = serde_json::to_string(&time).expect("a string");
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).expect("as written"), time);
            if nanos >= 100_000_000 * NANOS_PER_SECOND {
                prop_assert_eq!(Decimal::from_units(nanos).to_string().parse(), Ok(time));
            }
        }

        #[test]
        fn what_has_the_form_is_taken_as_jiff_takes_it(
            text in "[0-9]{2}[0-9][0-9]-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|z|[+-][01][0-9]:[0-5][0-9])"
        ) {
            let expected = text.parse::<jiff::Timestamp>().ok().map(|time| time.as_nanosecond());
            // jiff ends a day before the year 9999 does, and begins long before the year 0000.
            let expected = expected.filter(|nanos| *nanos >= Timestamp::MIN.0);
            prop_assume!(!text.starts_with("9999-12-3"));
            prop_assert_eq!(text.parse::<Timestamp>().ok().map(Timestamp::unix_nanos), expected);
        }

        #[test]
        fn any_bytes_are_read_or_refused(text: Vec<u8>) {
            let _ = Timestamp::parse(&text);
        }
    }
}
