//! Quotas of devices: how much data each may have at the hub.

use std::fmt;
use std::str::FromStr;

use fleetlink_proto::{DeviceName, MAX_DEVICE_NAME_BYTES};

use super::retain::{NamePatternError, is_match};

/// A pattern of names of devices, in which a `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePattern(Box<str>);

/// The quotas of all devices. Of several for one device the first one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Bytes of all data files of a device.
    pub bytes: Vec<(DevicePattern, u64)>,
    /// Data files of a device.
    pub data_files: Vec<(DevicePattern, u64)>,
}

/// The quota of one device; nothing is no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) bytes: Option<u64>,
    pub(crate) data_files: Option<u64>,
}

impl DevicePattern {
    pub(crate) fn matches(&self, device: &DeviceName) -> bool {
        is_match(self.0.as_bytes(), device.as_str().as_bytes())
    }
}

impl Quotas {
    /// The quota of this device.
    pub(crate) fn of(&self, device: &DeviceName) -> Quota {
        let first = |rules: &[(DevicePattern, u64)]| {
            let found = rules.iter().find(|(pattern, _)| pattern.matches(device));
            found.map(|(_, most)| *most)
        };
        Quota {
            bytes: first(&self.bytes),
            data_files: first(&self.data_files),
        }
    }
}

impl FromStr for DevicePattern {
    type Err = NamePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-*".contains(c);
        match (text.is_empty(), text.chars().find(|c| !allowed(*c))) {
            (true, _) => Err(NamePatternError::Empty),
            (_, Some(other)) => Err(NamePatternError::Character(other)),
            _ if text.len() > MAX_DEVICE_NAME_BYTES => Err(NamePatternError::TooLong),
            _ => Ok(DevicePattern(text.into())),
        }
    }
}

impl fmt::Display for DevicePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
