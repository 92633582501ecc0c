//! One line of input, and what is recognised in it.

use std::io::Write as _;

use fleetlink_proto::samples::limits::UNIX_SECONDS_DIGITS;
use fleetlink_proto::samples::{BadLineReason, Decimal, DecimalError, Timestamp, TimestampError};
use memchr::memchr;

use super::Problem;
use super::number;

/// Words for 'no number' that programs print, in lower case.
const NO_NUMBERS: &[&str] = &[
    "nan", "inf", "infinity", "na", "n/a", "null", "none", "nil", "#n/a", "true", "false",
];

/// The form of every line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Timed,
}

/// A line in the form that the hub takes.
pub(super) struct StrictLine<'a> {
    time: Option<&'a [u8]>,
    sample: Sample<'a>,
}

/// A sample as it stands in the input where that is strict, else its value.
enum Sample<'a> {
    Strict(&'a [u8]),
    Exact(Decimal),
    Rounded(Decimal),
}

impl<'a> StrictLine<'a> {
    /// Reads a trimmed line of a file of this kind, if that is known already.
    pub(super) fn read(text: &'a [u8], kind: Option<Kind>) -> Result<Self, Problem> {
        let comma = memchr(b',', text);
        let (time, sample) = match (kind, comma) {
            (Some(Kind::Timed), None) => return Err(untimed(text)),
            (None | Some(Kind::Plain), None) => (None, text),
            (Some(Kind::Plain), Some(comma)) => return Err(unexpected_comma(text, comma)),
            (None | Some(Kind::Timed), Some(comma)) => {
                let time = trimmed(&text[..comma]);
                Timestamp::parse(time).map_err(|error| no_time(text, time, error, kind))?;
                (Some(time), trimmed(&text[comma + 1..]))
            }
        };
        let sample = Sample::read(sample).map_err(|error| no_sample(sample, error, kind))?;
        Ok(StrictLine { time, sample })
    }

    pub(super) fn kind(&self) -> Kind {
        match self.time {
            Some(_) => Kind::Timed,
            None => Kind::Plain,
        }
    }

    pub(super) fn is_rounded(&self) -> bool {
        matches!(self.sample, Sample::Rounded(_))
    }

    pub(super) fn write(&self, ending: &str, strict: &mut Vec<u8>) {
        if let Some(time) = self.time {
            strict.extend_from_slice(time);
            strict.push(b',');
        }
        match &self.sample {
            Sample::Strict(text) => strict.extend_from_slice(text),
            Sample::Exact(value) | Sample::Rounded(value) => {
                // Writing to memory cannot fail.
                let _ = write!(strict, "{value}");
            }
        }
        strict.extend_from_slice(ending.as_bytes());
    }
}

impl<'a> Sample<'a> {
    fn read(text: &'a [u8]) -> Result<Self, DecimalError> {
        if Decimal::parse_sample(text).is_ok() {
            return Ok(Sample::Strict(text));
        }
        let number::Number { value, rounded } = number::read(text)?;
        Ok(match rounded {
            true => Sample::Rounded(value),
            false => Sample::Exact(value),
        })
    }
}

/// The text without the blanks and carriage returns around it.
pub(super) fn trimmed(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

/// Tells whether the first line of a file is UTF-16: by its byte order mark, or by a NUL beside its
/// first character.
pub(super) fn is_utf16(line: &[u8]) -> bool {
    let marked = line.starts_with(b"\xff\xfe") || line.starts_with(b"\xfe\xff");
    marked || line.iter().take(2).any(|byte| *byte == 0)
}

/// The problem of a line without a comma in a file with times.
fn untimed(text: &[u8]) -> Problem {
    separator(text).unwrap_or(Problem::Line(BadLineReason::MissingTime))
}

/// The problem of a comma in a file without times.
fn unexpected_comma(text: &[u8], comma: usize) -> Problem {
    let time = Timestamp::parse(trimmed(&text[..comma]));
    if time.is_err() && is_decimal_comma(text) {
        return Problem::Line(BadLineReason::DecimalComma);
    }
    separator(text).unwrap_or(Problem::Line(BadLineReason::UnexpectedTime))
}

/// The problem of the text before a comma that is no time.
fn no_time(text: &[u8], time: &[u8], problem: TimestampError, kind: Option<Kind>) -> Problem {
    let digits = time.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // Milliseconds: the error says that Unix times are in seconds.
    let too_many = digits == time.len() && digits > *UNIX_SECONDS_DIGITS.end();
    if !too_many && is_decimal_comma(text) {
        return Problem::Line(BadLineReason::DecimalComma);
    }
    if let Some(problem) = separator(text) {
        return problem;
    }
    match kind {
        None if is_header(text) => Problem::Header,
        _ => Problem::Line(BadLineReason::Time { problem }),
    }
}

/// The problem of a text that is no sample.
fn no_sample(text: &[u8], problem: DecimalError, kind: Option<Kind>) -> Problem {
    if is_decimal_comma(text) {
        return Problem::Line(BadLineReason::DecimalComma);
    }
    if is_no_number(text) {
        return Problem::NotANumber;
    }
    if let Some(problem) = separator(text) {
        return problem;
    }
    match kind {
        None if is_header(text) => Problem::Header,
        _ if text.contains(&b'\r') => Problem::Line(BadLineReason::LoneCarriageReturn),
        _ => Problem::Line(BadLineReason::Sample { problem }),
    }
}

/// The character between the fields where it is no comma.
fn separator(text: &[u8]) -> Option<Problem> {
    match text {
        _ if text.contains(&b';') => Some(Problem::Semicolon),
        _ if text.contains(&b'\t') => Some(Problem::Tab),
        _ => None,
    }
}

/// Tells whether a text is a number with a comma for its point, or between its thousands: `21,5`,
/// `1,234.5`, `1.234,5`.
fn is_decimal_comma(text: &[u8]) -> bool {
    let digits = text
        .strip_prefix(b"-")
        .or(text.strip_prefix(b"+"))
        .unwrap_or(text);
    let begins = digits
        .first()
        .is_some_and(|b| b.is_ascii_digit() || *b == b',');
    let rest = digits
        .iter()
        .all(|b| matches!(b, b'0'..=b'9' | b',' | b'.'));
    begins && rest && digits.contains(&b',') && digits.last().is_some_and(u8::is_ascii_digit)
}

fn is_no_number(text: &[u8]) -> bool {
    let word = text
        .strip_prefix(b"-")
        .or(text.strip_prefix(b"+"))
        .unwrap_or(text);
    let words = NO_NUMBERS.iter().map(|word| word.as_bytes());
    words
        .clone()
        .any(|no_number| word.eq_ignore_ascii_case(no_number))
}

/// Tells whether the first line of a file names its columns.
fn is_header(text: &[u8]) -> bool {
    text.first().is_some_and(|byte| {
        byte.is_ascii_alphabetic() || matches!(byte, b'"' | b'#' | b'_' | 0x80..)
    })
}
