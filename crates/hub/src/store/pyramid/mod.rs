//! A pyramid of summaries over a large segment: what makes a plot of ten million samples cheap.
//!
//! Leaves stand for 256 samples each, in the order of the segment's lines, and each node above for 16
//! nodes below it. A query descends only where a node lies in several columns, and parses a leaf's
//! text only where a column ends within it. So the result is exact whatever the order of the times;
//! the more the times go back and forth, the more is parsed.
//!
//! The leaves are told of while an upload arrives, which parses them anyway. Where that was not so, the
//! pyramid is built from the segment's text.
//!
//! A pyramid is a projection: it can be built again from the segment at any time, so it is not made
//! durable, and one that is damaged counts as missing. The text that a query parses is compared with
//! its leaf, so damaged text is found too.

mod build;
mod check;
mod file;
mod format;
mod page;
mod query;
mod text;

pub(super) use self::build::{BuildError, Unfinished, build};
pub(super) use self::check::PyramidCheck;
pub(super) use self::file::Pyramid;
pub(super) use self::query::{Columns, QueryError, add_pyramid};
pub(super) use self::text::add_text;
