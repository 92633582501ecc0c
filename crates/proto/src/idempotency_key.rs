//! The key by which a repeated change is recognised.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// 128 random bits that name one change of a device's data, written as 32 lower-case hexadecimal
/// digits. A device that did not see the answer asks again with the same key; the change has one
/// effect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdempotencyKey(u128);

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key is written as 32 lower-case hexadecimal digits")]
pub struct IdempotencyKeyError;

impl IdempotencyKey {
    /// The key with these 128 bits; the caller draws them at random.
    pub const fn from_bits(bits: u128) -> Self {
        IdempotencyKey(bits)
    }

    /// The 128 bits.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = IdempotencyKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(digits) {
            return Err(IdempotencyKeyError);
        }
        u128::from_str_radix(text, 16)
            .map(IdempotencyKey)
            .map_err(|_| IdempotencyKeyError)
    }
}

impl TryFrom<String> for IdempotencyKey {
    type Error = IdempotencyKeyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<IdempotencyKey> for String {
    fn from(key: IdempotencyKey) -> String {
        key.to_string()
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_has_one_spelling() {
        let key = IdempotencyKey::from_bits(0xab);
        assert_eq!(key.to_string(), format!("{}ab", "0".repeat(30)));
        assert_eq!(key.to_string().parse(), Ok(key));
        for text in ["", "ab", &"A".repeat(32), &"+".repeat(32), &"é".repeat(16)] {
            assert_eq!(text.parse::<IdempotencyKey>(), Err(IdempotencyKeyError));
        }
    }
}
