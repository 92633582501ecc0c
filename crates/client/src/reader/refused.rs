//! The reason for which a line of input is refused.

use fleetlink_proto::samples::{BadLineReason, LineStart};

use crate::limits::MAX_INPUT_LINE_BYTES;

/// The first line of an input that is no sample and cannot be turned into one.
///
/// Shown, it is the text of the line and the reason; its number stands in front where the line is
/// named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{text}: {problem}")]
pub struct RefusedInput {
    /// The number of the line, from 1.
    pub line: u64,
    /// The beginning of the line.
    pub text: LineStart,
    /// The problem that was recognised in it.
    pub problem: Problem,
}

impl RefusedInput {
    pub(super) fn new(line: u64, text: &[u8], problem: Problem) -> Self {
        let text = LineStart::of(text);
        RefusedInput {
            line,
            text,
            problem,
        }
    }
}

/// The problem of a line that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A problem for which the hub has the same words.
    #[error(transparent)]
    Line(#[from] BadLineReason),
    /// The line has more than [`MAX_INPUT_LINE_BYTES`] bytes.
    #[error("the line is too long; at most {MAX_INPUT_LINE_BYTES} bytes are expected")]
    TooLong,
    /// Fields that `;` separates.
    #[error("`;` separates the fields; a comma is expected there, and a point in numbers")]
    Semicolon,
    /// Fields that a tab separates.
    #[error("a tab separates the fields; a comma is expected")]
    Tab,
    /// The names of columns.
    #[error("this looks like a header; remove it, every line is a sample, or a time and a sample")]
    Header,
    /// UTF-16, as some spreadsheets write.
    #[error("the text is UTF-16; UTF-8 is expected (iconv -f UTF-16 -t UTF-8 makes it so)")]
    Utf16,
    /// NaN, an infinity, or a word for a missing value.
    #[error("this is no number; leave the line out where there is no sample")]
    NotANumber,
}
