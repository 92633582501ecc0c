//! A ticket's secret, and the hash that a hub stores of it.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::device_key::{parse_hex, write_hex};

/// 128 random bits that a ticket carries, written as 32 lower-case hexadecimal digits; wiped from
/// memory when dropped and never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub struct TicketSecret([u8; 16]);

/// The text is no ticket's secret; it is not repeated here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a ticket's secret is written as 32 lower-case hexadecimal digits")]
pub struct TicketSecretError;

/// The BLAKE3 hash of a secret, which the hub stores. Nobody gets the secret back from it: 128
/// random bits need no slow hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketHash([u8; 32]);

/// Names a ticket to the operator of its hub; counted from 1.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct TicketNumber(pub u32);

impl TicketSecret {
    /// The secret with these bits; the caller draws them at random.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        TicketSecret(bytes)
    }

    /// The bits.
    pub const fn expose(&self) -> &[u8; 16] {
        &self.0
    }

    /// The hash by which a hub finds the ticket.
    pub fn hash(&self) -> TicketHash {
        TicketHash(*blake3::hash(&self.0).as_bytes())
    }
}

impl TicketHash {
    /// The hash with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        TicketHash(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for TicketSecret {
    type Err = TicketSecretError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_hex(text).map(TicketSecret).ok_or(TicketSecretError)
    }
}

impl Serialize for TicketSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Long enough from the first: a buffer that grows leaves copies behind.
        let mut digits = Zeroizing::new(String::with_capacity(32));
        let push = |digit: u32| char::from_digit(digit, 16).unwrap_or_default();
        for byte in self.0 {
            digits.push(push(u32::from(byte >> 4)));
            digits.push(push(u32::from(byte & 15)));
        }
        serializer.serialize_str(&digits)
    }
}

impl<'de> Deserialize<'de> for TicketSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = TicketSecret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("32 lower-case hexadecimal digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TicketSecret, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Digits)
    }
}

impl fmt::Debug for TicketSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketSecret(…)")
    }
}

impl fmt::Debug for TicketHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for TicketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown_and_has_one_spelling() {
        let secret = TicketSecret::from_bytes([0xab; 16]);
        assert_eq!(format!("{secret:?}"), "TicketSecret(…)");
        let text = serde_json::to_string(&secret).unwrap();
        assert_eq!(text, format!("\"{}\"", "ab".repeat(16)));
        assert_eq!(serde_json::from_str::<TicketSecret>(&text).unwrap(), secret);
        for wrong in ["ab".repeat(15), "AB".repeat(16), "é".repeat(16)] {
            let refused = serde_json::from_str::<TicketSecret>(&format!("\"{wrong}\""));
            let message = refused.unwrap_err().to_string();
            assert!(!message.contains(&wrong), "{message}");
        }
        assert_ne!(
            secret.hash(),
            TicketSecret::from_bytes([0xac; 16]).hash(),
            "another secret"
        );
    }
}
