//! The clock of a hub's run, by which permissions between devices end. Nobody can set it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::device_key::{parse_hex, write_hex};

/// 128 bits that name one run of a hub, drawn at random at its start; written as 32 lower-case
/// hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HubRun([u8; 16]);

/// The text names no run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a hub's run is written as 32 lower-case hexadecimal digits")]
pub struct HubRunError;

/// A moment by a hub's own clock: the milliseconds since one of its runs began. Two moments of
/// different runs cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubTime {
    /// The run of the hub.
    pub run: HubRun,
    /// Milliseconds since it began, by a clock that is never set.
    pub ms: u64,
}

impl HubRun {
    /// The run with these 128 bits.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        HubRun(bytes)
    }
}

impl HubTime {
    /// The moment that comes so much later.
    #[must_use]
    pub fn later(self, by: Duration) -> Self {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let ms = self.ms.saturating_add(by);
        HubTime { ms, ..self }
    }

    /// The time left until this moment; `None` if `now` belongs to another run.
    pub fn left(self, now: HubTime) -> Option<Duration> {
        (self.run == now.run).then(|| Duration::from_millis(self.ms.saturating_sub(now.ms)))
    }

    /// As it is signed: the run, then the milliseconds in network order.
    pub(crate) fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..16].copy_from_slice(&self.run.0);
        bytes[16..].copy_from_slice(&self.ms.to_be_bytes());
        bytes
    }
}

impl FromStr for HubRun {
    type Err = HubRunError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_hex(text).map(HubRun).ok_or(HubRunError)
    }
}

impl TryFrom<String> for HubRun {
    type Error = HubRunError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HubRun> for String {
    fn from(run: HubRun) -> String {
        run.to_string()
    }
}

impl fmt::Display for HubRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for HubRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_one_run_are_compared_and_of_others_are_not() {
        let at = |run, ms| HubTime {
            run: HubRun::from_bytes([run; 16]),
            ms,
        };
        let seconds = Duration::from_secs;
        assert_eq!(at(1, 5000).left(at(1, 3000)), Some(seconds(2)));
        assert_eq!(at(1, 5000).left(at(1, 5000)), Some(Duration::ZERO));
        assert_eq!(at(1, 5000).left(at(1, u64::MAX)), Some(Duration::ZERO));
        assert_eq!(at(1, 5000).left(at(2, 3000)), None);
        assert_eq!(at(1, 5000).later(seconds(2)), at(1, 7000));
        assert_eq!(at(1, 1).later(Duration::MAX).ms, u64::MAX);
    }

    #[test]
    fn it_has_one_spelling() {
        let time = HubTime {
            run: HubRun::from_bytes([0xab; 16]),
            ms: 7,
        };
        let text = serde_json::to_string(&time).unwrap();
        assert_eq!(text, format!(r#"{{"run":"{}","ms":7}}"#, "ab".repeat(16)));
        assert_eq!(serde_json::from_str::<HubTime>(&text).unwrap(), time);
        for run in ["AB".repeat(16), "ab".repeat(15), "ab".repeat(17)] {
            let text = format!(r#"{{"run":"{run}","ms":7}}"#);
            assert!(serde_json::from_str::<HubTime>(&text).is_err(), "{text}");
        }
    }
}
