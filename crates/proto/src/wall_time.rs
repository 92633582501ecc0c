//! Points in time as people and protocols write them.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A point in civil time, in milliseconds since the Unix epoch.
///
/// On the wire and in logs it is RFC 3339 in UTC with milliseconds; for people it is local.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WallTime(i64);

impl WallTime {
    /// The time `millis` milliseconds after the Unix epoch (before it where negative).
    pub const fn from_unix_millis(millis: i64) -> Self {
        WallTime(millis)
    }

    /// The time that a system clock shows; the Unix epoch where it shows an earlier one.
    pub fn from_system(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        WallTime(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// The time that is so much later; the last one that there is where it would be beyond that.
    #[must_use]
    pub fn later(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        WallTime(self.0.saturating_add(by))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// The form of the log files and of AED: `30 September 2022 10:31:13`, in local time.
    pub fn local(self) -> String {
        self.in_zone(TimeZone::system())
    }

    fn in_zone(self, zone: TimeZone) -> String {
        let zoned = self.timestamp().to_zoned(zone);
        zoned.strftime("%-d %B %Y %H:%M:%S").to_string()
    }

    fn timestamp(self) -> Timestamp {
        // Clamped: a hub's clock or a peer's text can be far off, and showing it must not fail.
        Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

impl FromStr for WallTime {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Timestamp>()
            .map(|time| WallTime(time.as_millisecond()))
    }
}

impl TryFrom<String> for WallTime {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<WallTime> for String {
    fn from(time: WallTime) -> String {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shown_as_the_log_files_want_it() {
        let time: WallTime = "2022-09-30T10:31:13Z".parse().unwrap();
        assert_eq!(time.in_zone(TimeZone::UTC), "30 September 2022 10:31:13");
        let time: WallTime = "2022-10-01T03:04:05Z".parse().unwrap();
        assert_eq!(time.in_zone(TimeZone::UTC), "1 October 2022 03:04:05");
    }

    #[test]
    fn round_trips_in_milliseconds() {
        let time = WallTime::from_unix_millis(1_664_533_873_042);
        assert_eq!(time.to_string(), "2022-09-30T10:31:13.042Z");
        assert_eq!(time.to_string().parse::<WallTime>().unwrap(), time);
        assert!(!WallTime::from_unix_millis(i64::MAX).local().is_empty());
    }
}
