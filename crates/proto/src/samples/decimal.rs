//! Exact decimal numbers with nine decimals: samples, their sums, and results.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::digits::{
    FractionError, UNITS_PER_ONE, leading_digits, leading_fraction, write_fraction,
};
use super::limits::{MAX_FRACTION_DIGITS, MAX_WHOLE_DIGITS};

/// An exact decimal number, in units of 10^-9.
///
/// Its range holds the sum of 10^10 samples of any size. As text, and so in JSON, it has no needless
/// zeros: `919.35`, `-0.5`, `21`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Decimal(i128);

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// The number that is `units` times 10^-9.
    #[must_use]
    pub const fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// The number in units of 10^-9.
    #[must_use]
    pub const fn units(self) -> i128 {
        self.0
    }

    /// The sum, or `None` where it leaves the range.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// Parses one sample: `-?`, up to 19 digits whose value fits an `i64`, then optionally a point
    /// and up to nine digits.
    ///
    /// Stricter than [`FromStr`], which takes every number that a sum or a result can be.
    ///
    /// # Errors
    /// The fault of the text.
    pub fn parse_sample(text: &[u8]) -> Result<Self, DecimalError> {
        Sample::parse(text).map(Sample::value)
    }
}

impl From<i64> for Decimal {
    fn from(whole: i64) -> Self {
        Self(i128::from(whole) * i128::from(UNITS_PER_ONE))
    }
}

/// A sample in two parts of one sign, which a sum can add without a multiplication.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    pub(super) whole: i64,
    /// In units of 10^-9.
    pub(super) fraction: i32,
}

impl Sample {
    pub(super) fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        let shape = Shape::parse(text)?;
        if shape.digits.len() > MAX_WHOLE_DIGITS {
            return Err(DecimalError::TooManyWholeDigits);
        }
        // Nine decimals stay far below i32::MAX.
        let fraction = shape.fraction.cast_signed();
        let (whole, fraction) = if shape.negative {
            (0_i64.checked_sub_unsigned(shape.whole), -fraction)
        } else {
            (i64::try_from(shape.whole).ok(), fraction)
        };
        let whole = whole.ok_or(DecimalError::WholeOutOfRange)?;
        Ok(Self { whole, fraction })
    }

    pub(super) fn value(self) -> Decimal {
        Decimal(Decimal::from(self.whole).0 + i128::from(self.fraction))
    }
}

/// The parts of a decimal as they stand in the text, the size of the whole part not yet checked.
struct Shape<'a> {
    negative: bool,
    digits: &'a [u8],
    /// The value of `digits` where they are at most 19.
    whole: u64,
    /// In units of 10^-9.
    fraction: u32,
}

impl<'a> Shape<'a> {
    fn parse(text: &'a [u8]) -> Result<Self, DecimalError> {
        let (negative, number) = match text {
            [] => return Err(DecimalError::Empty),
            [b'-', number @ ..] => (true, number),
            number => (false, number),
        };
        let (whole, length) = leading_digits(number);
        let (digits, rest) = number.split_at(length);
        let fraction = match rest {
            [] | [b'.', ..] if digits.is_empty() => return Err(DecimalError::NoWholeDigits),
            [] => 0,
            [b'.', decimals @ ..] => fraction(decimals)?,
            [byte, ..] => return Err(DecimalError::UnexpectedByte(*byte)),
        };
        Ok(Self {
            negative,
            digits,
            whole,
            fraction,
        })
    }
}

/// The units of 10^-9 of `decimals`, all of which must be digits.
fn fraction(decimals: &[u8]) -> Result<u32, DecimalError> {
    match leading_fraction(decimals) {
        Ok((units, length)) => match decimals.get(length) {
            None => Ok(units),
            Some(byte) => Err(DecimalError::UnexpectedByte(*byte)),
        },
        Err(FractionError::TooMany) => Err(DecimalError::TooManyFractionDigits),
        Err(FractionError::Missing) => Err(match decimals.first() {
            None => DecimalError::NoFractionDigits,
            Some(byte) => DecimalError::UnexpectedByte(*byte),
        }),
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let shape = Shape::parse(text.as_bytes())?;
        let whole = shape.digits.iter().try_fold(0_u128, |value, digit| {
            value.checked_mul(10)?.checked_add(u128::from(digit - b'0'))
        });
        whole
            .and_then(|whole| whole.checked_mul(u128::from(UNITS_PER_ONE)))
            .and_then(|units| units.checked_add(u128::from(shape.fraction)))
            .and_then(|units| match shape.negative {
                true => 0_i128.checked_sub_unsigned(units),
                false => i128::try_from(units).ok(),
            })
            .map(Self)
            .ok_or(DecimalError::OutOfRange)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = u128::from(UNITS_PER_ONE);
        let (whole, fraction) = (self.0.unsigned_abs() / one, self.0.unsigned_abs() % one);
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(out, "{sign}{whole}")?;
        write_fraction(out, u32::try_from(fraction).map_err(|_| fmt::Error)?)
    }
}

impl TryFrom<String> for Decimal {
    type Error = DecimalError;

    fn try_from(text: String) -> Result<Self, DecimalError> {
        text.parse()
    }
}

impl From<Decimal> for String {
    fn from(decimal: Decimal) -> Self {
        decimal.to_string()
    }
}

/// The reason why a text is no decimal number, or none that a sample can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecimalError {
    /// There is no text.
    #[error("there is nothing where a number is expected")]
    Empty,
    /// A byte that has no place in a number, or not there.
    #[error(
        "unexpected {}; a number is digits, with at most one minus sign in front and one point",
        Shown(*.0)
    )]
    UnexpectedByte(u8),
    /// `-`, `.5` and the like.
    #[error("a digit is expected before the point, or after the minus sign")]
    NoWholeDigits,
    /// `1.` and the like.
    #[error("at least one digit is expected after the point")]
    NoFractionDigits,
    /// The whole part of a sample is too long, leading zeros included.
    #[error("too many digits before the point; at most {MAX_WHOLE_DIGITS} are expected")]
    TooManyWholeDigits,
    /// The fraction is too long, trailing zeros included.
    #[error("too many digits after the point; at most {MAX_FRACTION_DIGITS} are expected")]
    TooManyFractionDigits,
    /// The whole part of a sample does not fit an `i64`.
    #[error(
        "the whole part is out of range; expected is {} to {}",
        i64::MIN,
        i64::MAX
    )]
    WholeOutOfRange,
    /// The number is larger than any [`Decimal`].
    #[error(
        "the number is out of range; expected is {} to {}",
        Decimal(i128::MIN),
        Decimal(i128::MAX)
    )]
    OutOfRange,
}

/// A byte as a person can read it; input never reaches a terminal unescaped.
struct Shown(u8);

impl fmt::Display for Shown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            b' ' => out.write_str("space"),
            byte if byte.is_ascii_graphic() => write!(out, "`{}`", char::from(byte)),
            byte => write!(out, "byte 0x{byte:02x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(text: &str) -> Result<String, DecimalError> {
        Decimal::parse_sample(text.as_bytes()).map(|sample| sample.to_string())
    }

    #[test]
    fn samples_are_shown_without_needless_zeros() {
        for (text, shown) in [
            ("919.350", "919.35"),
            ("-0.5", "-0.5"),
            ("21", "21"),
            ("21.000000000", "21"),
            ("-0", "0"),
            ("-0.000000001", "-0.000000001"),
            ("0000000000000000007", "7"),
            (
                "9223372036854775807.999999999",
                "9223372036854775807.999999999",
            ),
            (
                "-9223372036854775808.999999999",
                "-9223372036854775808.999999999",
            ),
        ] {
            assert_eq!(sample(text).as_deref(), Ok(shown), "{text}");
        }
    }

    #[test]
    fn what_is_no_sample_is_refused_with_its_reason() {
        use DecimalError::*;
        for (text, error) in [
            ("", Empty),
            ("-", NoWholeDigits),
            (".5", NoWholeDigits),
            ("-.5", NoWholeDigits),
            (".", NoWholeDigits),
            ("1.", NoFractionDigits),
            ("+5", UnexpectedByte(b'+')),
            ("--5", UnexpectedByte(b'-')),
            ("5-", UnexpectedByte(b'-')),
            (" 5", UnexpectedByte(b' ')),
            ("5 ", UnexpectedByte(b' ')),
            ("1e5", UnexpectedByte(b'e')),
            ("NaN", UnexpectedByte(b'N')),
            ("1.2.3", UnexpectedByte(b'.')),
            ("1.x", UnexpectedByte(b'x')),
            ("1\0", UnexpectedByte(0)),
            ("٣", UnexpectedByte(0xd9)),
            ("00000000000000000001", TooManyWholeDigits),
            ("1.0000000000", TooManyFractionDigits),
            ("9223372036854775808", WholeOutOfRange),
            ("-9223372036854775809", WholeOutOfRange),
            ("9999999999999999999", WholeOutOfRange),
        ] {
            assert_eq!(sample(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn the_extremes_survive_text_and_the_next_number_is_refused() {
        for extreme in [Decimal(i128::MIN), Decimal(i128::MAX)] {
            assert_eq!(extreme.to_string().parse(), Ok(extreme));
        }
        let beyond = "170141183460469231731687303715.884105728";
        assert_eq!(beyond.parse::<Decimal>(), Err(DecimalError::OutOfRange));
        let endless = "9".repeat(1000);
        assert_eq!(endless.parse::<Decimal>(), Err(DecimalError::OutOfRange));
        assert_eq!(Decimal(i128::MAX).checked_add(Decimal(1)), None);
    }

    #[test]
    fn no_control_character_reaches_a_message() {
        for byte in 0..=u8::MAX {
            let message = DecimalError::UnexpectedByte(byte).to_string();
            assert!(
                message.bytes().all(|b| b == b' ' || b.is_ascii_graphic()),
                "{message:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn text_and_json_round_trip(units: i128) {
            let decimal = Decimal(units);
            prop_assert_eq!(decimal.to_string().parse(), Ok(decimal));
            let json = serde_json::to_string(&decimal).expect("a string");
            prop_assert_eq!(&json, &format!("\"{decimal}\""));
            prop_assert_eq!(serde_json::from_str::<Decimal>(&json).expect("as written"), decimal);
        }

        #[test]
        fn a_sample_is_its_whole_part_and_its_fraction(whole: i64, fraction in 0_i32..1_000_000_000) {
            let text = format!("{whole}.{fraction:09}");
            let expected = match whole < 0 {
                true => i128::from(whole) * 1_000_000_000 - i128::from(fraction),
                false => i128::from(whole) * 1_000_000_000 + i128::from(fraction),
            };
            prop_assert_eq!(Decimal::parse_sample(text.as_bytes()), Ok(Decimal(expected)));
        }

        #[test]
        fn any_bytes_are_read_or_refused(text: Vec<u8>) {
            let _ = Decimal::parse_sample(&text);
        }
    }
}
