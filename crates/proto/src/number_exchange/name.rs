//! The names that the two sides tell each other.

use std::fmt;
use std::str::FromStr;

use super::limits::MAX_NAME_BYTES;
use crate::Escaped;

/// A client's or server's name. A peer's may be any text, so it is shown escaped; one's own is made
/// by parsing and has no control characters, for it has to fit into one line of either dialect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name(String);

/// The reason why a text cannot be one's own name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is nothing in it.
    #[error("a name must not be empty")]
    Empty,
    /// It is longer than 256 bytes.
    #[error("a name has at most {MAX_NAME_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// It holds a line end or another control character.
    #[error("a name must not hold control characters, such as {:?}", .0)]
    Control(char),
}

impl Name {
    /// The name that a peer gives itself.
    pub(super) fn of_peer(text: &str) -> Self {
        Name(text.to_owned())
    }

    /// The name as it is on the wire; it may hold anything.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > MAX_NAME_BYTES {
            return Err(NameError::TooLong(text.len()));
        }
        match text.chars().find(|c| c.is_control()) {
            Some(c) => Err(NameError::Control(c)),
            None => Ok(Name(text.to_owned())),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_own_name_is_one_line() {
        for good in ["A Server", "a: b: 7", "Zoë 漢", &"n".repeat(256)] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        let refused = |text: &str| text.parse::<Name>().unwrap_err();
        assert_eq!(refused(""), NameError::Empty);
        assert_eq!(refused(&"n".repeat(257)), NameError::TooLong(257));
        assert_eq!(refused("a\nb"), NameError::Control('\n'));
    }

    #[test]
    fn a_peers_name_is_shown_escaped() {
        let name = Name::of_peer("\u{1b}[2Jx\n");
        assert_eq!(name.to_string(), "\\u{1b}[2Jx\\n");
        assert_eq!(name.as_str(), "\u{1b}[2Jx\n");
    }
}
