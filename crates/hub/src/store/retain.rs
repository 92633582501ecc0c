//! Rules about how long data files stay, by their names.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use fleetlink_proto::{DataFile, DeviceName};

/// The longest pattern, in bytes: that of a device's name and one of a data file.
const MAX_BYTES: usize = 256;

/// A rule about how long data files stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainRule {
    /// The data files that it is for.
    pub pattern: NamePattern,
    /// The time that they stay after their last change; for ever where it is not given.
    pub age: Option<Duration>,
}

/// A pattern of names of data files, `temperature` or `log/*`, of any device or of those before a colon:
/// `cam-*:log/*`. A `*` stands for any characters, also none and `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    device: Option<Box<str>>,
    file: Box<str>,
}

/// The reason why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NamePatternError {
    /// A part is empty.
    #[error("a pattern must not be empty; * stands for all")]
    Empty,
    /// It is longer than any name.
    #[error("a pattern has at most {MAX_BYTES} bytes")]
    TooLong,
    /// No name has this character.
    #[error("a pattern is made of the characters of names, * and one colon, not '{}'", .0.escape_debug())]
    Character(char),
}

impl NamePattern {
    /// Whether a data file of a device is meant.
    pub fn matches(&self, device: &DeviceName, file: &DataFile) -> bool {
        let is_of = |pattern: &str| is_match(pattern.as_bytes(), device.as_str().as_bytes());
        self.device.as_deref().is_none_or(is_of)
            && is_match(self.file.as_bytes(), file.to_string().as_bytes())
    }
}

/// Goes back to the last `*` alone, so the time is bounded by the product of the lengths.
pub(super) fn is_match(pattern: &[u8], name: &[u8]) -> bool {
    let (mut in_pattern, mut in_name) = (0, 0);
    let mut star = None;
    while in_name < name.len() {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                star = Some((in_pattern, in_name));
                in_pattern += 1;
            }
            Some(byte) if *byte == name[in_name] => {
                in_pattern += 1;
                in_name += 1;
            }
            _ => match star {
                None => return false,
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    in_pattern = at + 1;
                    in_name = from + 1;
                }
            },
        }
    }
    pattern[in_pattern..].iter().all(|byte| *byte == b'*')
}

impl FromStr for NamePattern {
    type Err = NamePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_BYTES {
            return Err(NamePatternError::TooLong);
        }
        let (device, file) = match text.split_once(':') {
            Some((device, file)) => (Some(device), file),
            None => (None, text),
        };
        if file.is_empty() || device.is_some_and(str::is_empty) {
            return Err(NamePatternError::Empty);
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/*".contains(c);
        let parts = file.chars().chain(device.unwrap_or_default().chars());
        match { parts }.find(|c| !allowed(*c)) {
            Some(other) => Err(NamePatternError::Character(other)),
            None => Ok(NamePattern {
                device: device.map(Box::from),
                file: file.into(),
            }),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(device) = &self.device {
            write!(f, "{device}:")?;
        }
        f.write_str(&self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, device, file, is_meant) in [
            ("temperature", "cam", "temperature", true),
            ("temperature", "cam", "temperature2", false),
            ("temp*", "cam", "temperature", true),
            ("*", "cam", "lab/temperature", true),
            ("lab/*", "cam", "lab/temperature", true),
            ("lab/*", "cam", "lab2/temperature", false),
            ("*a*b*c", "cam", "xaxbxbxc", true),
            ("*a*b*c", "cam", "xaxbxbx", false),
            ("a**", "cam", "a", true),
            ("1", "cam", "1", true),
            ("1", "cam", "01", false),
            ("cam-*:log", "cam-1", "log", true),
            ("cam-*:log", "uav", "log", false),
            ("cam:*", "Cam", "log", false),
        ] {
            let found: NamePattern = pattern.parse().unwrap();
            assert_eq!(found.to_string(), pattern);
            let (device, file) = (device.parse().unwrap(), file.parse().unwrap());
            assert_eq!(found.matches(&device, &file), is_meant, "{pattern} {file}");
        }
        let long: NamePattern = "*a".repeat(60).parse().unwrap();
        let name = "a".repeat(128).parse().unwrap();
        assert!(long.matches(&"cam".parse().unwrap(), &name));
    }

    #[test]
    fn what_no_name_has_is_refused() {
        for text in [
            "", ":", "cam:", ":log", "a b", "a:b:c", "a?", "ä", "a=b", "[a]",
        ] {
            assert!(text.parse::<NamePattern>().is_err(), "{text}");
        }
        assert!("a".repeat(257).parse::<NamePattern>().is_err());
    }
}
