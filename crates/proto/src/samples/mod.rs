//! The content of a data file: samples, their exact arithmetic, and the parser of the text.
//!
//! A file has one sample a line (`21.5`), or in every line a time and a sample
//! (`2022-09-30T10:31:13Z,21.5`). [`SampleParser`] reads it while it arrives and makes a
//! [`Summary`]. A summary has the result of every [`Operation`] and merges with the summaries of
//! other segments, so that no sample is read twice.

mod bad_line;
mod calendar;
mod decimal;
mod digits;
mod lanes;
mod last;
pub mod limits;
mod line;
mod operation;
mod parser;
mod row;
mod summary;
mod tally;
mod time;
mod totals;
mod word;

#[cfg(test)]
mod parser_tests;

pub use bad_line::{BadLine, BadLineReason, LineStart};
pub use decimal::{Decimal, DecimalError};
pub use last::{LastSample, TAIL_BYTES, TextEnd};
pub use line::first_sample;
pub use operation::{NoSamples, Operation, UnknownOperation};
pub use parser::SampleParser;
pub use row::RowError;
pub use summary::{Inconsistent, MergeError, Summary};
pub use tally::Tally;
pub use time::{Timestamp, TimestampError};
