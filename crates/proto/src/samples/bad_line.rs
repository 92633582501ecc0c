//! What is wrong with a data file, and in which line.

use serde::{Deserialize, Serialize};

use super::decimal::DecimalError;
use super::limits::MAX_LINE_BYTES;
use super::time::TimestampError;

/// The first line of a file that is not as it must be.
///
/// As JSON it is one object with `line`, `reason` (a word for programs), the `problem` of some
/// reasons, and `message`, the sentence for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(from = "Report", into = "Report")]
#[error("line {line}: {reason}")]
pub struct BadLine {
    /// The number of the line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: BadLineReason,
}

/// Why a line is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
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
        /// What is wrong with it.
        problem: DecimalError,
    },
    /// The time is none.
    #[error("the time is not valid: {problem}")]
    Time {
        /// What is wrong with it.
        problem: TimestampError,
    },
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

/// [`BadLine`] as it travels.
#[derive(Serialize, Deserialize)]
struct Report {
    line: u64,
    #[serde(flatten)]
    reason: BadLineReason,
    #[serde(default)]
    message: String,
}

impl From<BadLine> for Report {
    fn from(bad: BadLine) -> Self {
        Self {
            line: bad.line,
            reason: bad.reason,
            message: bad.reason.to_string(),
        }
    }
}

impl From<Report> for BadLine {
    fn from(report: Report) -> Self {
        Self {
            line: report.line,
            reason: report.reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_travels_as_json() {
        let bad = BadLine {
            line: 3,
            reason: BadLineReason::Empty,
        };
        let json =
            r#"{"line":3,"reason":"empty","message":"the line is empty; a sample is expected"}"#;
        assert_eq!(serde_json::to_string(&bad).expect("plain data"), json);
        assert_eq!(
            bad.to_string(),
            "line 3: the line is empty; a sample is expected"
        );
        for reason in [
            BadLineReason::Empty,
            BadLineReason::TooLong,
            BadLineReason::LoneCarriageReturn,
            BadLineReason::Sample {
                problem: DecimalError::UnexpectedByte(0),
            },
            BadLineReason::Time {
                problem: TimestampError::NoSuchDate,
            },
            BadLineReason::MissingTime,
            BadLineReason::UnexpectedTime,
            BadLineReason::SumOverflow,
        ] {
            let bad = BadLine {
                line: u64::MAX,
                reason,
            };
            let json = serde_json::to_string(&bad).expect("plain data");
            assert_eq!(
                serde_json::from_str::<BadLine>(&json).expect("as written"),
                bad,
                "{json}"
            );
        }
    }
}
