//! The limits of a log file.

use std::time::Duration;

use fleetlink_proto::WallTime;

/// The bounds of a log file. Without any, it grows until it is rotated from outside.
///
/// A file that has reached a bound is renamed to `NAME.1`, in the place of an earlier one, and a new one
/// begins: so lines are kept up to twice a bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogBounds {
    /// The bytes of a file, at most.
    pub size: Option<u64>,
    /// The greatest age of a file's first line, and of the last line of the file before it.
    pub age: Option<Duration>,
}

impl LogBounds {
    /// The fewest bytes to which a file may be bounded.
    pub const MIN_SIZE: u64 = 4096;
    /// The shortest age to which a file may be bounded.
    pub const MIN_AGE: Duration = Duration::from_secs(3600);

    /// Whether a file that has these bytes, and began then, is complete before this line comes.
    pub(super) fn is_reached(&self, bytes: u64, begun: WallTime, line: &str, at: WallTime) -> bool {
        let is_long = |most| bytes > 0 && bytes + line.len() as u64 > most;
        let is_old = |most| bytes > 0 && age(begun, at) > most;
        self.size.is_some_and(is_long) || self.age.is_some_and(is_old)
    }

    /// Whether a file before the present one, whose last line is of then, is too old.
    pub(super) fn is_over(&self, last: WallTime, now: WallTime) -> bool {
        self.age.is_some_and(|most| age(last, now) > most)
    }
}

fn age(from: WallTime, to: WallTime) -> Duration {
    let millis = to.unix_millis().saturating_sub(from.unix_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
