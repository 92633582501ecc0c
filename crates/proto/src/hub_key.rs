//! The public half of a hub's key.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::device_key::{parse_hex, write_hex};

/// The start of every P-256 key's SubjectPublicKeyInfo, up to the point: the algorithm
/// id-ecPublicKey with the curve secp256r1 (RFC 5480, section 2.1.1), and a bit string of 65 bytes
/// without unused bits.
const BEFORE_POINT: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The first byte of a point that is not compressed (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;
/// The length of such a SubjectPublicKeyInfo, in bytes.
const SPKI_BYTES: usize = BEFORE_POINT.len() + 65;

/// A hub's ECDSA P-256 public key: its SubjectPublicKeyInfo in DER (RFC 5280, section 4.1.2.7),
/// written as 182 lower-case hexadecimal digits. A pin is the SHA-256 of these bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HubKey(Box<[u8; SPKI_BYTES]>);

/// These are no public key of a hub.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a hub's public key is a SubjectPublicKeyInfo of an uncompressed P-256 point")]
pub struct HubKeyError;

impl HubKey {
    /// The key of this SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// It is of another algorithm or curve, or its point is compressed.
    pub fn from_spki(der: &[u8]) -> Result<Self, HubKeyError> {
        let bytes: [u8; SPKI_BYTES] = der.try_into().map_err(|_| HubKeyError)?;
        if !bytes.starts_with(&BEFORE_POINT) || bytes[BEFORE_POINT.len()] != UNCOMPRESSED {
            return Err(HubKeyError);
        }
        Ok(HubKey(Box::new(bytes)))
    }

    /// Its SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> &[u8] {
        &*self.0
    }

    /// Its point, uncompressed: 65 bytes (SEC 1, section 2.3.3). Whether it lies on the curve is
    /// for who uses it to find out.
    pub fn point(&self) -> &[u8] {
        &self.0[BEFORE_POINT.len()..]
    }
}

impl FromStr for HubKey {
    type Err = HubKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes: [u8; SPKI_BYTES] = parse_hex(text).ok_or(HubKeyError)?;
        HubKey::from_spki(&bytes)
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
    fn has_one_spelling_and_one_curve() {
        let mut der = [7; SPKI_BYTES];
        der[..BEFORE_POINT.len()].copy_from_slice(&BEFORE_POINT);
        assert_eq!(HubKey::from_spki(&der), Err(HubKeyError), "no such point");
        der[BEFORE_POINT.len()] = UNCOMPRESSED;
        let key = HubKey::from_spki(&der).unwrap();
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        assert_eq!((key.spki(), key.point().len()), (&der[..], 65));
        assert!(key.to_string().to_uppercase().parse::<HubKey>().is_err());
        assert_eq!(HubKey::from_spki(&der[1..]), Err(HubKeyError));
        der[22] = 0x22;
        assert_eq!(HubKey::from_spki(&der), Err(HubKeyError), "another curve");
    }
}
