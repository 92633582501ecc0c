//! The public half of a device's key, and what it signs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A device's Ed25519 public key (RFC 8032), written as `ed25519:` and 64 lower-case hexadecimal
/// digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceKey([u8; 32]);

/// A signature of 64 bytes, written as 128 lower-case hexadecimal digits: by a device's key (Ed25519,
/// RFC 8032, section 5.1.6), or by a hub's (ECDSA P-256, r and s).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signature(Box<[u8; 64]>);

/// The text is no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a device's key is written as ed25519: and 64 lower-case hexadecimal digits")]
pub struct DeviceKeyError;

/// The text is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a signature is written as 128 lower-case hexadecimal digits")]
pub struct SignatureError;

impl DeviceKey {
    /// The key with these bytes (RFC 8032, section 5.1.5).
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        DeviceKey(bytes)
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Signature {
    /// The signature with these bytes.
    pub fn from_bytes(bytes: [u8; 64]) -> Self {
        Signature(Box::new(bytes))
    }

    /// Its 64 bytes.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl FromStr for DeviceKey {
    type Err = DeviceKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("ed25519:").ok_or(DeviceKeyError)?;
        parse_hex(digits).map(DeviceKey).ok_or(DeviceKeyError)
    }
}

impl FromStr for Signature {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_hex(text)
            .map(Signature::from_bytes)
            .ok_or(SignatureError)
    }
}

impl TryFrom<String> for DeviceKey {
    type Error = DeviceKeyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for Signature {
    type Error = SignatureError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DeviceKey> for String {
    fn from(key: DeviceKey) -> String {
        key.to_string()
    }
}

impl From<Signature> for String {
    fn from(signature: Signature) -> String {
        signature.to_string()
    }
}

impl fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ed25519:")?;
        write_hex(&self.0, f)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&*self.0, f)
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Exactly `N` bytes as lower-case hexadecimal digits, so that they have one spelling.
pub(crate) fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * N || !text.bytes().all(digits) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

pub(crate) fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_signatures_have_one_spelling() {
        let key = DeviceKey::from_bytes([0xab; 32]);
        assert_eq!(key.to_string(), format!("ed25519:{}", "ab".repeat(32)));
        assert_eq!(key.to_string().parse(), Ok(key));
        let signature = Signature::from_bytes([0x0c; 64]);
        assert_eq!(signature.to_string().parse(), Ok(signature));
        for text in [
            "",
            "ed25519:",
            &"ab".repeat(32),
            &format!("ed25519:{}", "AB".repeat(32)),
            &format!("ed25519:{}", "é".repeat(32)),
        ] {
            assert_eq!(text.parse::<DeviceKey>(), Err(DeviceKeyError), "{text}");
            assert_eq!(text.parse::<Signature>(), Err(SignatureError), "{text}");
        }
    }
}
