//! The operator's settings.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use fleetlink_proto::control::limits;
use fleetlink_proto::{Escaped, HubRun};

use crate::capacity::Capacity;

/// The settings of a hub's rules.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The hub's program, as devices see it: `fleetlink 0.1.0`.
    pub software: String,
    /// Wrong passwords in a row that lock a name out.
    pub max_attempts: MaxAttempts,
    /// The penalties of client networks that fail on many different names; `None` for no penalties.
    pub penalties: Option<PenaltySettings>,
    /// The time between two signs of life of a session.
    pub keep_alive: Duration,
    /// The time after which an open upload that brings nothing is closed.
    pub upload_idle: Duration,
    /// The hub's capacity, and the shares of a device and of a client network.
    pub capacity: Capacity,
    /// The most accounts kept in memory, beside those of sessions and operations.
    pub cached_accounts: usize,
    /// This run of the hub: another one for each start.
    pub run: HubRun,
    /// Whether no hub runs: a command has its changes made by the rules of one.
    pub is_offline: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            software: concat!("fleetlink ", env!("CARGO_PKG_VERSION")).to_owned(),
            max_attempts: MaxAttempts::default(),
            penalties: Some(PenaltySettings::default()),
            keep_alive: limits::DEFAULT_KEEP_ALIVE,
            upload_idle: limits::DEFAULT_UPLOAD_IDLE,
            capacity: Capacity::default(),
            cached_accounts: limits::MAX_CACHED_ACCOUNTS,
            run: HubRun::default(),
            is_offline: false,
        }
    }
}

/// The penalties for client networks whose wrong passwords are of many different names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PenaltySettings {
    /// The number of different names; at most [`limits::MAX_PENALTY_NAMES`].
    pub names: usize,
    /// The first penalty. Each further one is twice the last.
    pub base: Duration,
    /// The longest penalty.
    pub max: Duration,
    /// Whether client networks on loopback are penalised too.
    pub loopback: bool,
}

impl Default for PenaltySettings {
    fn default() -> Self {
        PenaltySettings {
            names: limits::DEFAULT_PENALTY_NAMES,
            base: limits::DEFAULT_PENALTY,
            max: limits::DEFAULT_LONGEST_PENALTY,
            loopback: false,
        }
    }
}

/// The number of wrong passwords in a row that lock a name out: 1 to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxAttempts(u8);

/// The text is not a whole number from 1 to 5.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Invalid number of allowed failed consecutive attempts: {}. \
     The valid value of argument number is an integer between 1 and 5",
    Escaped(.0)
)]
pub struct MaxAttemptsError(String);

impl MaxAttempts {
    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for MaxAttempts {
    fn default() -> Self {
        MaxAttempts(3)
    }
}

impl FromStr for MaxAttempts {
    type Err = MaxAttemptsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            [digit @ b'1'..=b'5'] => Ok(MaxAttempts(digit - b'0')),
            _ => Err(MaxAttemptsError(text.to_owned())),
        }
    }
}

impl fmt::Display for MaxAttempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_outside_one_to_five_are_refused_in_the_words_of_the_specification() {
        for n in 1..=5u8 {
            assert_eq!(n.to_string().parse(), Ok(MaxAttempts(n)));
        }
        for text in ["0", "6", "2.5", "x", "", "-1", "03", " 3"] {
            assert_eq!(
                text.parse::<MaxAttempts>().unwrap_err().to_string(),
                format!(
                    "Invalid number of allowed failed consecutive attempts: {text}. The valid \
                     value of argument number is an integer between 1 and 5"
                )
            );
        }
    }
}
