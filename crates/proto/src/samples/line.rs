//! One line of a file that is good: what a query reads again.

use super::decimal::{Decimal, Sample};
use super::digits::{leading_digits, leading_fraction};
use super::limits::UNIX_SECONDS_DIGITS;
use super::time::Timestamp;
use super::word::find;

/// The sample in the first line of a text, its time if it has one, and the lines behind it; `None` where
/// the line is no sample.
#[must_use]
pub fn first_sample(text: &[u8]) -> Option<(Option<Timestamp>, Decimal, &[u8])> {
    if let Some((time, sample, bytes)) = short_timed_sample(text) {
        return Some((Some(time), sample.value(), &text[bytes..]));
    }
    if let Some((sample, bytes)) = short_sample(text) {
        return Some((None, sample.value(), &text[bytes..]));
    }
    let (line, rest) = match find(b'\n', text) {
        None => (text, &[][..]),
        Some(end) => (&text[..end], &text[end + 1..]),
    };
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (time, sample) = match find(b',', line) {
        None => (None, line),
        Some(comma) => {
            let (time, sample) = line.split_at(comma);
            (Some(Timestamp::parse(time).ok()?), &sample[1..])
        }
    };
    Some((time, Decimal::parse_sample(sample).ok()?, rest))
}

/// The sample in the line that `text` begins with, and its bytes with the ending, if it is right and
/// has at most 18 digits before the point, which always fit.
#[inline]
pub(super) fn short_sample(text: &[u8]) -> Option<(Sample, usize)> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let (whole, length) = leading_digits(&text[sign..]);
    if !(1..=18).contains(&length) {
        return None;
    }
    let (fraction, more) = short_fraction(&text[sign + length..])?;
    let at = sign + length + more;
    let ending = match text.get(at..)? {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => return None,
    };
    let (whole, fraction) = (whole.cast_signed(), fraction.cast_signed());
    let sample = match sign {
        0 => Sample { whole, fraction },
        _ => Sample {
            whole: -whole,
            fraction: -fraction,
        },
    };
    Some((sample, at + ending))
}

/// As [`short_sample`], of a line with a time in Unix seconds.
#[inline]
pub(super) fn short_timed_sample(text: &[u8]) -> Option<(Timestamp, Sample, usize)> {
    let (seconds, length) = leading_digits(text);
    if !UNIX_SECONDS_DIGITS.contains(&length) {
        return None;
    }
    let (fraction, more) = short_fraction(&text[length..])?;
    let at = length + more;
    if text.get(at) != Some(&b',') {
        return None;
    }
    let time = Timestamp::from_unix(seconds, fraction)?;
    let (sample, bytes) = short_sample(&text[at + 1..])?;
    Some((time, sample, at + 1 + bytes))
}

/// The units of the fraction that `text` begins with, if any, and its bytes with the point.
fn short_fraction(text: &[u8]) -> Option<(u32, usize)> {
    match text {
        [b'.', decimals @ ..] => {
            let (units, length) = leading_fraction(decimals).ok()?;
            Some((units, 1 + length))
        }
        _ => Some((0, 0)),
    }
}
