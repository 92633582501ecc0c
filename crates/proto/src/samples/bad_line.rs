//! The fault in a data file, with its line.

use std::fmt;

use super::decimal::DecimalError;
use super::limits::{MAX_LINE_BYTES, MAX_SHOWN_BYTES};
use super::time::TimestampError;

/// The first line of a file that is not as it must be.
///
/// Shown, it is the text of the line and the reason; its number stands in front where the line is
/// named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}: {reason}")]
pub struct BadLine {
    /// The number of the line, from 1.
    pub line: u64,
    /// The fault.
    pub reason: BadLineReason,
    /// The start of the line.
    pub text: LineStart,
}

/// The beginning of a line, kept for a message.
///
/// It is shown in quotation marks, with an escape for each byte that is not printable ASCII.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LineStart {
    bytes: [u8; MAX_SHOWN_BYTES],
    length: usize,
    whole: bool,
}

impl LineStart {
    /// The beginning of this line.
    #[must_use]
    pub fn of(line: &[u8]) -> Self {
        let length = line.len().min(MAX_SHOWN_BYTES);
        let mut bytes = [0; MAX_SHOWN_BYTES];
        bytes[..length].copy_from_slice(&line[..length]);
        Self {
            bytes,
            length,
            whole: length == line.len(),
        }
    }
}

impl fmt::Display for LineStart {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.bytes[..self.length].escape_ascii();
        let more = if self.whole { "" } else { "…" };
        write!(out, "\"{text}{more}\"")
    }
}

impl fmt::Debug for LineStart {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// The reason why a line is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLineReason {
    /// Nothing stands between two line endings, or before the first.
    #[error("the line is empty; a sample is expected")]
    Empty,
    /// The line has more than [`MAX_LINE_BYTES`] bytes.
    #[error("the line is too long; at most {MAX_LINE_BYTES} bytes are expected")]
    TooLong,
    /// A `\r` without a `\n` after it.
    #[error("a carriage return is not followed by a line feed; lines end with LF or CRLF")]
    LoneCarriageReturn,
    /// The sample is none.
    #[error("the sample is not valid: {problem}")]
    Sample {
        /// The fault of the number.
        problem: DecimalError,
    },
    /// The time is none.
    #[error("the time is not valid: {problem}")]
    Time {
        /// The fault of the time.
        problem: TimestampError,
    },
    /// `21,5`: a comma, and before it too few digits for a time.
    #[error(
        "a decimal comma is not taken; write a point as in 21.5, or a time and a sample as in \
         1664533873,21.5"
    )]
    DecimalComma,
    /// No comma, in a file whose first line has one.
    #[error("the time is missing; the first line has one, so a time and a sample are expected")]
    MissingTime,
    /// A comma, in a file whose first line has none.
    #[error("unexpected comma; the first line has no time, so a sample alone is expected")]
    UnexpectedTime,
    /// The sum of all samples does not fit; the line is the last of the file.
    #[error("the sum of the samples is out of range")]
    SumOverflow,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_shown_with_its_text_escaped_and_cut() {
        let shown = |text: &[u8]| {
            let bad = BadLine {
                line: 3,
                reason: BadLineReason::Empty,
                text: LineStart::of(text),
            };
            bad.to_string()
        };
        let reason = BadLineReason::Empty;
        assert_eq!(
            shown(b"a\x1b\"\xff"),
            format!("\"a\\x1b\\\"\\xff\": {reason}")
        );
        let long = [b'5'; MAX_SHOWN_BYTES + 1];
        let start = "5".repeat(MAX_SHOWN_BYTES);
        assert_eq!(shown(&long), format!("\"{start}…\": {reason}"));
    }
}
