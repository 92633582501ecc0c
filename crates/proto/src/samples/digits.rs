//! Runs of ASCII digits, which decimals and times share.

use super::limits::MAX_FRACTION_DIGITS;
use super::word;

/// One, in units of 10^-9.
pub(super) const UNITS_PER_ONE: u32 = 1_000_000_000;

/// The unit of the nth decimal place, in units of 10^-9.
const PLACE: [u32; MAX_FRACTION_DIGITS + 1] = [
    1_000_000_000,
    100_000_000,
    10_000_000,
    1_000_000,
    100_000,
    10_000,
    1_000,
    100,
    10,
    1,
];

/// Powers of ten by the number of zeros.
const POWER: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// The value of the digits that `text` begins with, and how many they are.
///
/// The value is right for up to 19 digits and wraps beyond: the caller bounds the length first.
#[inline]
pub(super) fn leading_digits(text: &[u8]) -> (u64, usize) {
    let (words, rest) = text.as_chunks();
    let (mut value, mut length) = (0_u64, 0);
    for word in words {
        let (bits, digits) = word::digits(u64::from_le_bytes(*word));
        if bits < 64 {
            let more = bits as usize / 8;
            if more > 0 {
                let added = word::value(digits << (64 - bits));
                value = value.wrapping_mul(POWER[more]).wrapping_add(added);
            }
            return (value, length + more);
        }
        value = value
            .wrapping_mul(100_000_000)
            .wrapping_add(word::value(digits));
        length += 8;
    }
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        length += 1;
    }
    (value, length)
}

/// The reason why the digits after a point are no fraction.
pub(super) enum FractionError {
    Missing,
    TooMany,
}

/// The fraction that `text`, what follows a point, begins with: its units of 10^-9, and its length.
#[inline]
pub(super) fn leading_fraction(text: &[u8]) -> Result<(u32, usize), FractionError> {
    let (value, length) = leading_digits(text);
    if length == 0 {
        return Err(FractionError::Missing);
    }
    let place = PLACE.get(length).ok_or(FractionError::TooMany)?;
    // Up to nine digits fit, and fill at most their places.
    let value = u32::try_from(value).map_err(|_| FractionError::TooMany)?;
    Ok((value * place, length))
}

/// `units` (below 10^9) as digits after a point, without needless zeros; nothing for zero.
pub(super) fn write_fraction(out: &mut std::fmt::Formatter<'_>, units: u32) -> std::fmt::Result {
    if units == 0 {
        return Ok(());
    }
    let digits = format!("{units:09}");
    write!(out, ".{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn digits_are_read_as_the_library_reads_them(number in "[0-9]{0,19}", after in "[^0-9]?[0-9]{0,9}") {
            let value = number.parse().unwrap_or(0);
            // Beyond 19 digits a value wraps; behind a number there is none.
            prop_assume!(!after.starts_with(|next: char| next.is_ascii_digit()));
            let text = format!("{number}{after}");
            prop_assert_eq!(leading_digits(text.as_bytes()), (value, number.len()));
        }
    }
}
