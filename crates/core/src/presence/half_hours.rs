//! Marked half hours: a fixed window of them, which moves with the time.

use fleetlink_proto::WallTime;

/// Milliseconds of a half hour.
const HALF_HOUR: i64 = 30 * 60 * 1000;
/// Half hours of which it is known whether they are marked.
const KEPT: i64 = 64;

/// Some of the last 64 half hours before the last marked one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HalfHours {
    /// The last marked half hour, counted since 1970; of no meaning without marks.
    newest: i64,
    /// One bit each, the lowest for the newest.
    marks: u64,
}

/// The number of the half hour that this time is in.
pub(super) fn half_hour(at: WallTime) -> i64 {
    at.unix_millis().div_euclid(HALF_HOUR)
}

impl HalfHours {
    /// The same as bytes, for a store.
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.newest.to_le_bytes());
        bytes[8..].copy_from_slice(&self.marks.to_le_bytes());
        bytes
    }

    /// The half hours of these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let (newest, marks) = bytes.split_at(8);
        HalfHours {
            newest: newest.try_into().map_or(0, i64::from_le_bytes),
            marks: marks.try_into().map_or(0, u64::from_le_bytes),
        }
    }

    /// Marks each half hour of a stretch of time; its end belongs to it only where it is the beginning.
    pub fn mark(&mut self, from: WallTime, to: WallTime) {
        let first = half_hour(from);
        let last = (to.unix_millis().saturating_sub(1)).div_euclid(HALF_HOUR);
        let last = last.max(first);
        self.show(last);
        for number in first.max(last.saturating_sub(KEPT - 1))..=last {
            self.marks |= self.bit(number);
        }
    }

    /// Adds the marks of others.
    pub fn add(&mut self, others: HalfHours) {
        if others.marks != 0 {
            self.show(others.newest);
            let ago = self.newest.saturating_sub(others.newest);
            self.marks |= shifted(others.marks, ago);
        }
    }

    /// Takes away the marks behind this time: the clock was set back.
    pub fn forget_after(&mut self, now: WallTime) {
        let ahead = self.newest.saturating_sub(half_hour(now));
        if self.marks != 0 && ahead > 0 {
            self.newest = half_hour(now);
            let by = u32::try_from(ahead).unwrap_or(u32::MAX);
            self.marks = self.marks.checked_shr(by).unwrap_or(0);
        }
    }

    /// Whether one is marked that begins after this time.
    pub fn are_ahead_of(&self, now: WallTime) -> bool {
        self.marks != 0 && self.newest > half_hour(now)
    }

    pub(super) fn has(&self, number: i64) -> bool {
        self.marks & self.bit(number) != 0
    }

    /// Moves the window on, so that this half hour is in it.
    fn show(&mut self, number: i64) {
        if self.marks == 0 {
            self.newest = number;
        } else if number > self.newest {
            self.marks = shifted(self.marks, number.saturating_sub(self.newest));
            self.newest = number;
        }
    }

    /// The bit of a half hour; none outside the window.
    fn bit(&self, number: i64) -> u64 {
        shifted(1, self.newest.saturating_sub(number))
    }
}

/// Marks as they are so many half hours later.
fn shifted(marks: u64, by: i64) -> u64 {
    let by = u32::try_from(by).ok();
    by.and_then(|by| marks.checked_shl(by)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(half_hours: i64, ms: i64) -> WallTime {
        WallTime::from_unix_millis(half_hours * HALF_HOUR + ms)
    }

    fn marked(hours: &HalfHours, among: std::ops::Range<i64>) -> Vec<i64> {
        among.filter(|number| hours.has(*number)).collect()
    }

    #[test]
    fn a_stretch_marks_each_half_hour_that_it_touches_and_not_the_one_at_its_end() {
        let mut hours = HalfHours::default();
        hours.mark(at(100, 5), at(103, 0));
        assert_eq!(marked(&hours, 90..110), [100, 101, 102]);
        hours.mark(at(106, 0), at(106, 0));
        assert_eq!(marked(&hours, 90..110), [100, 101, 102, 106]);
        hours.mark(at(98, 1), at(98, 2));
        assert_eq!(marked(&hours, 90..110), [98, 100, 101, 102, 106]);
        assert_eq!(HalfHours::from_bytes(hours.to_bytes()), hours);
        hours.mark(at(104, 0), at(104, -7));
        assert_eq!(
            marked(&hours, 103..106),
            [104],
            "an end before the beginning"
        );
    }

    #[test]
    fn what_is_too_old_is_forgotten_and_any_time_is_valid() {
        let mut hours = HalfHours::default();
        hours.mark(at(0, 0), at(1_000_000, 0));
        assert_eq!(marked(&hours, 0..1_000_001).len(), 64);
        hours.mark(at(1_000_063, 0), at(1_000_063, 1));
        assert_eq!(marked(&hours, 0..1_000_070), [1_000_063]);
        hours.mark(at(5, 0), at(6, 0));
        assert!(!hours.has(5));
        for edge in [i64::MIN, -1, i64::MAX] {
            let edge = WallTime::from_unix_millis(edge);
            let mut hours = hours;
            hours.mark(edge, edge);
            hours.mark(WallTime::from_unix_millis(i64::MIN), edge);
            hours.forget_after(edge);
            hours.add(HalfHours {
                newest: i64::MIN,
                marks: 1,
            });
            hours.add(HalfHours {
                newest: i64::MAX,
                marks: u64::MAX,
            });
        }
    }

    #[test]
    fn marks_are_added_whichever_window_is_ahead_and_those_ahead_of_the_clock_go() {
        for (first, second) in [(100, 110), (110, 100)] {
            let (mut one, mut other) = (HalfHours::default(), HalfHours::default());
            one.mark(at(first, 0), at(first, 1));
            other.mark(at(second, 0), at(second, 1));
            one.add(other);
            one.add(HalfHours::default());
            assert_eq!(marked(&one, 90..120), [100, 110]);
            assert!(one.are_ahead_of(at(109, 7)) && !one.are_ahead_of(at(110, 0)));
            one.forget_after(at(105, 3));
            assert_eq!(marked(&one, 0..200), [100]);
            one.forget_after(at(5, 0));
            assert_eq!(marked(&one, 0..200), [0_i64; 0]);
        }
    }
}
