//! Connection ids.

use std::fmt;
use std::str::FromStr;

use super::limits::IDS;

/// A connection id: four decimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(u16);

/// The text is not four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a connection id is four digits, 0000 to 9999")]
pub struct LeaseIdError;

impl LeaseId {
    /// The id that these digits write.
    pub fn from_digits(digits: [u8; 4]) -> Option<Self> {
        let mut value = 0;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return None;
            }
            value = value * 10 + u16::from(digit - b'0');
        }
        Some(LeaseId(value))
    }

    /// The digits that write it.
    pub fn digits(self) -> [u8; 4] {
        [1000, 100, 10, 1].map(|unit| b'0' + u8::try_from(self.0 / unit % 10).unwrap_or(0))
    }

    /// The id of this number; numbers from 10,000 on begin anew.
    pub fn from_number(number: u32) -> Self {
        let number = number % u32::from(IDS);
        LeaseId(u16::try_from(number).unwrap_or(0))
    }

    /// Its place in a table of all ids.
    pub fn index(self) -> usize {
        self.0.into()
    }

    /// Any id but this one, all as likely where `random` is.
    pub fn other(self, random: u32) -> Self {
        let others = u32::from(IDS) - 1;
        Self::from_number(u32::from(self.0) + 1 + random % others)
    }

    /// All ids in their order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..IDS).map(LeaseId)
    }
}

impl FromStr for LeaseId {
    type Err = LeaseIdError;

    fn from_str(text: &str) -> Result<Self, LeaseIdError> {
        let digits = text.as_bytes().try_into().map_err(|_| LeaseIdError)?;
        Self::from_digits(digits).ok_or(LeaseIdError)
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_and_nothing_else() {
        for text in ["0000", "0007", "8877", "9999"] {
            let id: LeaseId = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!(id.digits(), text.as_bytes());
        }
        for text in [
            "",
            "1",
            "123",
            "12345",
            "+123",
            "-123",
            "12 3",
            "abcd",
            "١٢",
            "१२३४",
        ] {
            assert_eq!(text.parse::<LeaseId>(), Err(LeaseIdError), "{text}");
        }
    }

    #[test]
    fn another_id_is_never_the_same_and_may_be_any_other() {
        for id in ["0000", "0001", "9999"].map(|text| text.parse::<LeaseId>().unwrap()) {
            let mut others: Vec<_> = (0..9_999).map(|random| id.other(random)).collect();
            others.sort();
            others.dedup();
            assert_eq!(others.len(), 9_999);
            assert!(!others.contains(&id));
            assert_ne!(id.other(u32::MAX), id);
        }
    }
}
