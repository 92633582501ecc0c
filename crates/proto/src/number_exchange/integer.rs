//! Integers of any size, and those in range.

use std::fmt;
use std::str::FromStr;

use num_bigint::BigInt;

use super::limits::{DEFAULT_NUMBER, MAX_NUMBER, MIN_NUMBER};

/// A decimal integer of any size: what a peer sends is bounded by the length of its message alone,
/// and a sum that wraps would be a wrong one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Integer(BigInt);

/// The text is not an optional sign and at least one decimal digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an integer")]
pub struct IntegerError;

impl Integer {
    /// The number as one in range, if it is.
    pub fn in_range(&self) -> Option<InRange> {
        let value = u8::try_from(&self.0).ok()?;
        InRange::new(value).ok()
    }

    /// The number in 32 bits, where it fits.
    pub fn to_i32(&self) -> Option<i32> {
        i32::try_from(&self.0).ok()
    }

    /// The exact sum.
    pub fn plus(&self, other: &Integer) -> Integer {
        Integer(&self.0 + &other.0)
    }
}

impl FromStr for Integer {
    type Err = IntegerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        // Underscores are digits for the library.
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(IntegerError);
        }
        text.parse().map(Integer).map_err(|_| IntegerError)
    }
}

impl From<i128> for Integer {
    fn from(value: i128) -> Self {
        Integer(value.into())
    }
}

impl From<InRange> for Integer {
    fn from(number: InRange) -> Self {
        i128::from(number.0).into()
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number from 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct InRange(u8);

/// The number is not from 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the number must be an integer from {MIN_NUMBER} to {MAX_NUMBER}")]
pub struct RangeError;

impl InRange {
    /// The server's number in every form but JSON, unless it is set.
    pub const DEFAULT: InRange = InRange(DEFAULT_NUMBER);

    /// The number, if it is in range.
    pub fn new(number: u8) -> Result<Self, RangeError> {
        if (MIN_NUMBER..=MAX_NUMBER).contains(&number) {
            Ok(InRange(number))
        } else {
            Err(RangeError)
        }
    }

    /// A number in range made of evenly distributed random bits; each comes equally often, to
    /// 10^-17.
    pub fn from_random(bits: u64) -> Self {
        let count = u64::from(MAX_NUMBER - MIN_NUMBER) + 1;
        // A remainder of at most 99.
        InRange(MIN_NUMBER + u8::try_from(bits % count).unwrap_or(0))
    }
}

impl fmt::Display for InRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for InRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let integer: Integer = text.parse().map_err(|_| RangeError)?;
        integer.in_range().ok_or(RangeError)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn integer(text: &str) -> Integer {
        text.parse().unwrap()
    }

    #[test]
    fn any_decimal_integer_is_a_number() {
        for (text, shown) in [
            ("25", "25"),
            ("007", "7"),
            ("+3", "3"),
            ("-0", "0"),
            ("-5", "-5"),
            (
                "170141183460469231731687303715884105728000",
                "170141183460469231731687303715884105728000",
            ),
        ] {
            assert_eq!(integer(text).to_string(), shown);
        }
        for text in [
            "", "-", "+", "+-1", "--1", "1.0", "1e2", " 1", "٣", "0x1", "1_000",
        ] {
            assert_eq!(text.parse::<Integer>(), Err(IntegerError), "{text}");
        }
    }

    #[test]
    fn the_range_is_from_1_to_100() {
        for (text, inside) in [
            ("0", false),
            ("1", true),
            ("100", true),
            ("101", false),
            ("256", false),
            ("-5", false),
            ("99999999999999999999999999999999999999999", false),
        ] {
            assert_eq!(integer(text).in_range().is_some(), inside, "{text}");
        }
        assert_eq!(InRange::from_random(0), InRange(1));
        assert_eq!(InRange::from_random(99), InRange(100));
    }

    #[test]
    fn a_number_of_32_bits_is_told_from_a_larger_one() {
        for (text, fits) in [
            ("2147483647", Some(i32::MAX)),
            ("2147483648", None),
            ("-2147483648", Some(i32::MIN)),
            ("-2147483649", None),
            ("-0", Some(0)),
        ] {
            assert_eq!(integer(text).to_i32(), fits, "{text}");
        }
    }

    #[test]
    fn carries_as_far_as_it_must() {
        let nines = integer(&"9".repeat(60));
        let one = integer("1");
        let carried = format!("1{}", "0".repeat(60));
        assert_eq!(nines.plus(&one).to_string(), carried);
        assert_eq!(
            integer(&format!("-{carried}")).plus(&one).to_string(),
            format!("-{}", "9".repeat(60))
        );
    }

    proptest! {
        #[test]
        fn sums_are_exact(one in any::<i64>(), other in any::<i64>()) {
            let (one, other) = (i128::from(one), i128::from(other));
            let sum = Integer::from(one).plus(&Integer::from(other));
            assert_eq!(sum.to_string(), (one + other).to_string());
            assert_eq!(sum, Integer::from(one + other));
        }

        #[test]
        fn every_bit_pattern_gives_a_number_in_range(bits in any::<u64>()) {
            assert!(InRange::new(InRange::from_random(bits).0).is_ok());
        }
    }
}
