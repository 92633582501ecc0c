//! Numbers as programs print them: a plus sign, an exponent, any number of decimals.

use fleetlink_proto::samples::{Decimal, DecimalError};

/// Decimals of a unit of a [`Decimal`].
const UNIT_DECIMALS: i64 = 9;
/// The most digits that a value in units can have: 19 before the point and 9 behind it.
const MAX_DIGITS: usize = 28;
/// An exponent beyond this is out of range, or leaves nothing, whatever stands before it.
const MAX_EXPONENT: i64 = 1_000_000;

/// A number in the range of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) value: Decimal,
    /// Whether decimals after the ninth were rounded away.
    pub(super) rounded: bool,
}

/// Reads `[+-]digits[.digits][e[+-]digits]`, where digits may be missing before or after the point.
/// The value is exact, or rounded half to even at the ninth decimal.
pub(super) fn read(text: &[u8]) -> Result<Number, DecimalError> {
    let (negative, unsigned) = match text {
        [] => return Err(DecimalError::Empty),
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (whole, rest) = digits(unsigned);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => digits(rest),
        _ => (&[][..], rest),
    };
    let exponent = match rest {
        [] => 0,
        [b'e' | b'E', exponent @ ..] => read_exponent(exponent)?,
        [byte, ..] => return Err(DecimalError::UnexpectedByte(*byte)),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(match rest {
            [byte, ..] => DecimalError::UnexpectedByte(*byte),
            [] => DecimalError::NoWholeDigits,
        });
    }
    let digits: Vec<u8> = [whole, fraction].concat();
    let decimals = i64::try_from(fraction.len()).map_err(|_| DecimalError::OutOfRange)?;
    let (units, rounded) = units(&digits, exponent - decimals + UNIT_DECIMALS)?;
    let value = Decimal::from_units(if negative { -units } else { units });
    // The one place that knows the range of a sample.
    match Decimal::parse_sample(value.to_string().as_bytes()) {
        Ok(value) => Ok(Number { value, rounded }),
        Err(_) => Err(DecimalError::WholeOutOfRange),
    }
}

/// The digits that a text begins with, and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.split_at(length)
}

fn read_exponent(text: &[u8]) -> Result<i64, DecimalError> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (exponent, rest) = digits(unsigned);
    if let [byte, ..] = rest {
        return Err(DecimalError::UnexpectedByte(*byte));
    }
    if exponent.is_empty() {
        return Err(DecimalError::UnexpectedByte(b'e'));
    }
    let value = exponent.iter().fold(0, |value: i64, digit| {
        (value * 10 + i64::from(digit - b'0')).min(MAX_EXPONENT)
    });
    Ok(if negative { -value } else { value })
}

/// The integer `digits` times ten to the power of `exponent`, rounded half to even, and whether
/// anything was rounded away.
fn units(digits: &[u8], exponent: i64) -> Result<(i128, bool), DecimalError> {
    let leading = digits.iter().take_while(|digit| **digit == b'0').count();
    let digits = &digits[leading..];
    if digits.is_empty() {
        return Ok((0, false));
    }
    if let Ok(zeros) = usize::try_from(exponent) {
        if digits.len().saturating_add(zeros) > MAX_DIGITS {
            return Err(DecimalError::WholeOutOfRange);
        }
        let zeros = std::iter::repeat_n(&b'0', zeros);
        return Ok((integer(digits.iter().chain(zeros)), false));
    }
    let cut = usize::try_from(exponent.unsigned_abs()).unwrap_or(usize::MAX);
    let Some(kept) = digits.len().checked_sub(cut) else {
        // Less than a tenth of a unit.
        return Ok((0, true));
    };
    if kept > MAX_DIGITS {
        return Err(DecimalError::WholeOutOfRange);
    }
    let (kept, lost) = digits.split_at(kept);
    let value = integer(kept.iter());
    let rest_is_zero = |lost: &[u8]| lost.iter().all(|digit| *digit == b'0');
    let up = match lost {
        [] => false,
        [b'5', rest @ ..] if rest_is_zero(rest) => value % 2 == 1,
        [first, ..] => *first >= b'5',
    };
    Ok((value + i128::from(up), !rest_is_zero(lost)))
}

/// The value of at most [`MAX_DIGITS`] digits.
fn integer<'a>(digits: impl Iterator<Item = &'a u8>) -> i128 {
    digits.fold(0, |value, digit| value * 10 + i128::from(digit - b'0'))
}
