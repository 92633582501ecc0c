//! The name under which a device joins.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest device name, in bytes.
pub const MAX_DEVICE_NAME_BYTES: usize = 64;

/// A device's name: 1 to 64 bytes of ASCII letters, digits, `-`, `_` and `.`, no dot in front.
///
/// It can only be made by parsing, so it is safe in a file name, on a terminal and in a log line.
/// Names are case-sensitive, but no two accounts may differ only by case: [`DeviceName::folded`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceName(Arc<str>);

/// The reason why a text is not a device name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceNameError {
    /// The text is empty.
    #[error("a device name must not be empty")]
    Empty,
    /// The text has more than 64 bytes.
    #[error("a device name has at most {MAX_DEVICE_NAME_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// The text starts with a dot.
    #[error("a device name must not start with a dot")]
    LeadingDot,
    /// The text holds a character that a name may not.
    #[error(
        "a device name is made of ASCII letters, digits, '-', '_' and '.', not {:?}",
        .0
    )]
    Character(char),
}

impl DeviceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in lower case: two accounts whose folded names are equal exclude each other.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for DeviceName {
    type Err = DeviceNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(DeviceNameError::Empty);
        }
        if text.len() > MAX_DEVICE_NAME_BYTES {
            return Err(DeviceNameError::TooLong(text.len()));
        }
        if text.starts_with('.') {
            return Err(DeviceNameError::LeadingDot);
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        match text.chars().find(|&c| !allowed(c)) {
            Some(c) => Err(DeviceNameError::Character(c)),
            None => Ok(DeviceName(text.into())),
        }
    }
}

impl TryFrom<String> for DeviceName {
    type Error = DeviceNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DeviceName> for String {
    fn from(name: DeviceName) -> String {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_names_of_the_specification() {
        for name in [
            "supersmartwatch",
            "uav-camera",
            "A_b.c-9",
            "x",
            &"n".repeat(64),
        ] {
            assert_eq!(
                name.parse::<DeviceName>().map(String::from),
                Ok(name.to_owned())
            );
        }
    }

    #[test]
    fn refuses_everything_else_with_its_reason() {
        let refused = |text: &str| text.parse::<DeviceName>().unwrap_err();
        assert_eq!(refused(""), DeviceNameError::Empty);
        assert_eq!(refused(&"n".repeat(65)), DeviceNameError::TooLong(65));
        assert_eq!(refused(".hidden"), DeviceNameError::LeadingDot);
        for (text, culprit) in [
            ("a b", ' '),
            ("a/b", '/'),
            ("é", 'é'),
            ("a\u{1b}[0m", '\u{1b}'),
            ("a\0", '\0'),
        ] {
            assert_eq!(refused(text), DeviceNameError::Character(culprit));
        }
    }
}
