//! The name of a person's login or of a token.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest name of a login or a token, in bytes.
pub const MAX_ACCESS_NAME_BYTES: usize = 64;

/// The name of a person's login or of a token: 1 to 64 bytes of ASCII letters, digits, `-`, `_`, `.`,
/// `+` and `@`, so that an address of e-mail will do.
///
/// It can only be made by parsing, so it is safe on a terminal and in a log line. Two logins may not
/// differ only by case: [`AccessName::folded`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccessName(Arc<str>);

/// The reason why a text is not such a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessNameError {
    /// The text is empty.
    #[error("a name must not be empty")]
    Empty,
    /// The text has more than 64 bytes.
    #[error("a name has at most {MAX_ACCESS_NAME_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// The text holds a character that a name may not.
    #[error(
        "a name is made of ASCII letters, digits, '-', '_', '.', '+' and '@', not {:?}",
        .0
    )]
    Character(char),
}

impl AccessName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in lower case: two logins whose folded names are equal exclude each other.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for AccessName {
    type Err = AccessNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(AccessNameError::Empty);
        }
        if text.len() > MAX_ACCESS_NAME_BYTES {
            return Err(AccessNameError::TooLong(text.len()));
        }
        let allowed =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '@');
        match text.chars().find(|&c| !allowed(c)) {
            Some(c) => Err(AccessNameError::Character(c)),
            None => Ok(AccessName(text.into())),
        }
    }
}

impl TryFrom<String> for AccessName {
    type Error = AccessNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AccessName> for String {
    fn from(name: AccessName) -> String {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for AccessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AccessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_of_mail_are_names_and_nothing_unsafe_is() {
        for name in ["ana", "ana+fleet@example.org", "Grafana_2", &"n".repeat(64)] {
            assert_eq!(
                name.parse::<AccessName>().map(String::from),
                Ok(name.to_owned())
            );
        }
        let refused = |text: &str| text.parse::<AccessName>().unwrap_err();
        assert_eq!(refused(""), AccessNameError::Empty);
        assert_eq!(refused(&"n".repeat(65)), AccessNameError::TooLong(65));
        for (text, culprit) in [
            ("a b", ' '),
            ("<b>", '<'),
            ("a/b", '/'),
            ("a\u{1b}", '\u{1b}'),
        ] {
            assert_eq!(refused(text), AccessNameError::Character(culprit));
        }
    }
}
