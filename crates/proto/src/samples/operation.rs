//! The operations on a data file.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A computation on the samples of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// The sum; 0 where there are no samples.
    Sum,
    /// The arithmetic mean, to nine decimals.
    Average,
    /// The largest sample.
    Max,
    /// The smallest sample.
    Min,
}

impl Operation {
    /// All operations, in the order in which the product names them.
    pub const ALL: [Self; 4] = [Self::Sum, Self::Average, Self::Max, Self::Min];

    /// The name on the wire and in the shell.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sum => "SUM",
            Self::Average => "AVERAGE",
            Self::Max => "MAX",
            Self::Min => "MIN",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for Operation {
    type Err = UnknownOperation;

    /// Parses a name in upper, lower or mixed case.
    fn from_str(text: &str) -> Result<Self, UnknownOperation> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.name().eq_ignore_ascii_case(text))
            .ok_or(UnknownOperation)
    }
}

/// A word that names no operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown operation; expected is SUM, AVERAGE, MAX or MIN")]
pub struct UnknownOperation;

/// An operation that has no result, because the file holds no samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file has no samples, so it has no {0}")]
pub struct NoSamples(pub Operation);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case_and_shown_in_upper_case() {
        for (word, operation) in [
            ("SUM", Operation::Sum),
            ("average", Operation::Average),
            ("Max", Operation::Max),
            ("mIN", Operation::Min),
        ] {
            assert_eq!(word.parse(), Ok(operation));
            assert_eq!(operation.to_string(), word.to_ascii_uppercase());
            let json = serde_json::to_string(&operation).expect("a string");
            assert_eq!(json, format!("\"{operation}\""));
            assert_eq!(
                serde_json::from_str::<Operation>(&json).expect("as written"),
                operation
            );
        }
    }

    #[test]
    fn another_word_is_refused_naming_the_four() {
        for word in ["", "MEDIAN", "SUM ", "AVG"] {
            let message = word.parse::<Operation>().expect_err("unknown").to_string();
            assert!(
                Operation::ALL
                    .iter()
                    .all(|known| message.contains(known.name()))
            );
        }
    }
}
