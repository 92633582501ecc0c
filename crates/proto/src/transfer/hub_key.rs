//! The hub's public key, whole.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::device_key::{parse_hex, write_hex};

/// What stands before the point in the SubjectPublicKeyInfo of an ECDSA P-256 key (RFC 5480,
/// section 2), and the mark of a point that is not compressed (section 2.2).
const PREFIX: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
const BYTES: usize = PREFIX.len() + 64;

/// A hub's ECDSA P-256 public key: its SubjectPublicKeyInfo in DER, whose SHA-256 is the hub's pin.
/// Written as 182 lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HubKey(Box<[u8; BYTES]>);

/// These are not the bytes of a hub's key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a hub's key is the SubjectPublicKeyInfo of an ECDSA P-256 key, in hexadecimal digits")]
pub struct HubKeyError;

impl HubKey {
    /// The key with this SubjectPublicKeyInfo.
    pub fn from_der(der: &[u8]) -> Result<Self, HubKeyError> {
        match der.try_into() {
            Ok(bytes) if der.starts_with(&PREFIX) => Ok(HubKey(Box::new(bytes))),
            _ => Err(HubKeyError),
        }
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn as_der(&self) -> &[u8] {
        &*self.0
    }

    /// The point alone, not compressed (SEC 1, section 2.3.3): 65 bytes.
    pub fn point(&self) -> &[u8] {
        &self.0[PREFIX.len() - 1..]
    }
}

impl FromStr for HubKey {
    type Err = HubKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let der: [u8; BYTES] = parse_hex(text).ok_or(HubKeyError)?;
        HubKey::from_der(&der)
    }
}

impl TryFrom<String> for HubKey {
    type Error = HubKeyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HubKey> for String {
    fn from(key: HubKey) -> String {
        key.to_string()
    }
}

impl fmt::Display for HubKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&*self.0, f)
    }
}

impl fmt::Debug for HubKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_keys_of_its_kind_alone() {
        let mut der = PREFIX.to_vec();
        der.extend([7; 64]);
        let key = HubKey::from_der(&der).unwrap();
        assert_eq!(key.as_der(), der);
        assert_eq!(key.point().len(), 65);
        assert_eq!(key.point()[0], 4);
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(HubKey::from_der(&der[1..]), Err(HubKeyError));
        der[10] ^= 1;
        assert_eq!(HubKey::from_der(&der), Err(HubKeyError));
    }
}
