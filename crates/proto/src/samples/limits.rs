//! The limits of samples and of the lines that hold them.

/// The most digits before the point of a sample, as many as the extremes of an `i64` have.
pub const MAX_WHOLE_DIGITS: usize = 19;

/// The most digits after the point of a sample, and after the point of the seconds of a time.
pub const MAX_FRACTION_DIGITS: usize = 9;

/// The longest line in bytes, its ending not counted.
///
/// The longest line that can be right has 66 (a time with nine decimals and an offset, a comma, a
/// sample with all its digits); the rest lets a line with a digit too many be told so. It is also
/// what the parser keeps of a line whose end has not arrived.
pub const MAX_LINE_BYTES: usize = 128;

/// The most bytes of a bad line that a message shows.
pub const MAX_SHOWN_BYTES: usize = 40;

/// The fewest and the most digits of a time in Unix seconds: from 1973 on. Fewer digits are no time,
/// so that a decimal comma is never one.
pub const UNIX_SECONDS_DIGITS: std::ops::RangeInclusive<usize> = 9..=12;
