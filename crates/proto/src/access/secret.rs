//! The secrets that a hub gives out for its HTTP door, and the hashes that it stores of them.

use std::fmt;
use std::str::FromStr;

use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::device_key::{parse_hex, write_hex};

/// The purpose of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// A bearer token.
    Token,
    /// A one-time link to the page.
    Link,
    /// The cookie of a session of the page.
    Session,
}

/// 256 random bits, written as the prefix of their kind and 64 lower-case hexadecimal digits; wiped
/// from memory when dropped and never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub struct AccessSecret {
    #[zeroize(skip)]
    kind: SecretKind,
    bits: [u8; 32],
}

/// The text is no secret of this kind; it is not repeated here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a secret is written as its prefix and 64 lower-case hexadecimal digits")]
pub struct AccessSecretError;

/// The BLAKE3 hash of a secret and its kind, which the hub stores. Nobody gets the secret back from
/// it: 256 random bits need no slow hash. A secret of one kind has not the hash of another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessHash([u8; 32]);

impl SecretKind {
    const ALL: [SecretKind; 3] = [SecretKind::Token, SecretKind::Link, SecretKind::Session];

    /// The text in front of the digits.
    pub const fn prefix(self) -> &'static str {
        match self {
            SecretKind::Token => "flt_",
            SecretKind::Link => "fll_",
            SecretKind::Session => "fls_",
        }
    }
}

impl AccessSecret {
    /// The secret with these bits; the caller draws them at random.
    pub const fn new(kind: SecretKind, bits: [u8; 32]) -> Self {
        AccessSecret { kind, bits }
    }

    /// Its kind.
    pub fn kind(&self) -> SecretKind {
        self.kind
    }

    /// The hash by which a hub finds it.
    pub fn hash(&self) -> AccessHash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.kind.prefix().as_bytes());
        hasher.update(&self.bits);
        AccessHash(*hasher.finalize().as_bytes())
    }

    /// Its text.
    pub fn to_text(&self) -> Zeroizing<String> {
        // Long enough from the first: a buffer that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(68));
        text.push_str(self.kind.prefix());
        let push = |digit: u32| char::from_digit(digit, 16).unwrap_or_default();
        for byte in self.bits {
            text.push(push(u32::from(byte >> 4)));
            text.push(push(u32::from(byte & 15)));
        }
        text
    }
}

impl AccessHash {
    /// The hash with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        AccessHash(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for AccessSecret {
    type Err = AccessSecretError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let of = |kind: SecretKind| {
            let digits = text.strip_prefix(kind.prefix())?;
            Some(AccessSecret::new(kind, parse_hex(digits)?))
        };
        let found = SecretKind::ALL.into_iter().find_map(of);
        found.ok_or(AccessSecretError)
    }
}

impl fmt::Debug for AccessSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessSecret({}…)", self.kind.prefix())
    }
}

impl fmt::Debug for AccessHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_one_spelling_and_is_never_shown() {
        let secret = AccessSecret::new(SecretKind::Token, [0xab; 32]);
        let text = secret.to_text();
        assert_eq!(*text, format!("flt_{}", "ab".repeat(32)));
        assert_eq!(text.parse(), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "AccessSecret(flt_…)");
        for wrong in [
            "ab".repeat(32),
            format!("flt_{}", "ab".repeat(31)),
            format!("flt_{}", "AB".repeat(32)),
            format!("fl_{}", "ab".repeat(32)),
            String::new(),
        ] {
            assert_eq!(
                wrong.parse::<AccessSecret>(),
                Err(AccessSecretError),
                "{wrong}"
            );
        }
    }

    #[test]
    fn the_same_bits_of_another_kind_have_another_hash() {
        let hashes = SecretKind::ALL.map(|kind| AccessSecret::new(kind, [7; 32]).hash());
        assert_ne!(hashes[0], hashes[1]);
        assert_ne!(hashes[1], hashes[2]);
        assert_ne!(hashes[0], hashes[2]);
    }
}
