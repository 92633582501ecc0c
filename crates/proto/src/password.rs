//! A password in memory.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::ZeroizeOnDrop;

/// The longest password that an account may have, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// A password as somebody typed it; wiped from memory when dropped and never shown by `Debug`.
///
/// Any text may be tried at a login; what an account may have is [`Password::check_for_account`].
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

/// The reason why no account can have this password. The password itself is never part of the
/// message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is empty.
    #[error("a password must not be empty")]
    Empty,
    /// It has more than 1024 bytes.
    #[error("a password has at most {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
    /// It holds white space or a control character.
    #[error("a password must not hold white space or control characters")]
    Character,
}

impl Password {
    /// The password itself, for hashing or sending.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether an account may have this password: 1 to 1024 bytes without white space or control
    /// characters, so that every prompt and every `credentials.txt` can carry it.
    pub fn check_for_account(&self) -> Result<(), PasswordError> {
        if self.0.is_empty() {
            Err(PasswordError::Empty)
        } else if self.0.len() > MAX_PASSWORD_BYTES {
            Err(PasswordError::TooLong)
        } else if self.0.chars().any(|c| c.is_whitespace() || c.is_control()) {
            Err(PasswordError::Character)
        } else {
            Ok(())
        }
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Password(text)
    }
}

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Password(text.to_owned())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_shows_itself() {
        let password = Password::from("comp9331");
        assert!(!format!("{password:?}").contains("comp"));
    }

    #[test]
    fn accounts_have_what_every_prompt_can_take() {
        let check = |text: &str| Password::from(text).check_for_account();
        assert_eq!(check(""), Err(PasswordError::Empty));
        assert_eq!(check("a\tb"), Err(PasswordError::Character));
        assert_eq!(check(&"x".repeat(1025)), Err(PasswordError::TooLong));
        assert_eq!(check("Pä$$wörd"), Ok(()));
    }
}
