//! For whom a ticket is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{DeviceName, DeviceNameError, MAX_DEVICE_NAME_BYTES};

/// The longest prefix, in bytes: a number of ten digits fits behind it.
pub const MAX_PREFIX_BYTES: usize = MAX_DEVICE_NAME_BYTES - 10;

/// For whom a ticket is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketSubject {
    /// For the device of this name, whether there is an account of it or not.
    Name(DeviceName),
    /// For new devices whose names begin so.
    Prefix(NamePrefix),
}

/// The common start of the names of several devices: `camera-`. It follows the rules of a device
/// name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamePrefix(DeviceName);

/// The reason why a text cannot be the start of device names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamePrefixError {
    /// No name begins so.
    #[error(transparent)]
    Name(#[from] DeviceNameError),
    /// There is no room for a number behind it.
    #[error("a prefix has at most {MAX_PREFIX_BYTES} bytes, this one has {0}")]
    TooLong(usize),
}

impl NamePrefix {
    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The prefix as a name, which it could be too.
    pub fn as_name(&self) -> &DeviceName {
        &self.0
    }

    /// Whether this name begins so, and goes on.
    pub fn begins(&self, name: &DeviceName) -> bool {
        name.as_str().len() > self.as_str().len() && name.as_str().starts_with(self.as_str())
    }

    /// The number behind the prefix in this name.
    pub fn number_of(&self, name: &DeviceName) -> Option<u32> {
        name.as_str().strip_prefix(self.as_str())?.parse().ok()
    }

    /// The name with this number behind the prefix.
    pub fn numbered(&self, number: u32) -> Option<DeviceName> {
        format!("{}{number}", self.as_str()).parse().ok()
    }
}

impl TicketSubject {
    /// The name or the prefix.
    pub fn as_name(&self) -> &DeviceName {
        match self {
            TicketSubject::Name(name) => name,
            TicketSubject::Prefix(prefix) => prefix.as_name(),
        }
    }
}

impl FromStr for NamePrefix {
    type Err = NamePrefixError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name: DeviceName = text.parse()?;
        match text.len() {
            0..=MAX_PREFIX_BYTES => Ok(NamePrefix(name)),
            length => Err(NamePrefixError::TooLong(length)),
        }
    }
}

impl TryFrom<String> for NamePrefix {
    type Error = NamePrefixError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<NamePrefix> for String {
    fn from(prefix: NamePrefix) -> String {
        prefix.0.into()
    }
}

impl fmt::Display for TicketSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TicketSubject::Name(name) => f.write_str(name.as_str()),
            TicketSubject::Prefix(prefix) => write!(f, "{}*", prefix.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_begins_names_and_leaves_room_for_a_number() {
        let prefix: NamePrefix = "camera-".parse().unwrap();
        let begins = |name: &str| prefix.begins(&name.parse().unwrap());
        assert!(begins("camera-7") && begins("camera-north"));
        assert!(!begins("camera-") && !begins("Camera-7") && !begins("uav"));
        assert_eq!(prefix.numbered(7).unwrap().as_str(), "camera-7");
        let longest: NamePrefix = "x".repeat(MAX_PREFIX_BYTES).parse().unwrap();
        assert!(longest.numbered(u32::MAX).is_some());
        for wrong in ["", ".a", "a b", &"x".repeat(MAX_PREFIX_BYTES + 1)] {
            assert!(wrong.parse::<NamePrefix>().is_err(), "{wrong:?}");
        }
    }
}
