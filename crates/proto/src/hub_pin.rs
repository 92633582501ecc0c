//! The fingerprint by which a device knows its hub.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The SHA-256 hash of a hub's public key (its SubjectPublicKeyInfo in DER, RFC 5280 section
/// 4.1.2.7), written as `sha256:` and 64 hexadecimal digits. It survives a new certificate under
/// the same key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HubPin([u8; 32]);

/// The text is no pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a hub's pin is written as sha256: and 64 hexadecimal digits")]
pub struct HubPinError;

impl HubPin {
    /// The pin with this SHA-256 hash.
    pub const fn from_sha256(hash: [u8; 32]) -> Self {
        HubPin(hash)
    }

    /// The SHA-256 hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for HubPin {
    type Err = HubPinError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("sha256:").ok_or(HubPinError)?;
        if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(HubPinError);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| HubPinError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| HubPinError)?;
        }
        Ok(HubPin(hash))
    }
}

impl TryFrom<String> for HubPin {
    type Error = HubPinError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HubPin> for String {
    fn from(pin: HubPin) -> String {
        pin.to_string()
    }
}

impl fmt::Display for HubPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for HubPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_and_refuses_the_rest() {
        let pin = HubPin::from_sha256([0xa7; 32]);
        assert_eq!(pin.to_string().parse(), Ok(pin));
        assert_eq!(
            pin.to_string()
                .to_uppercase()
                .replace("SHA256", "sha256")
                .parse(),
            Ok(pin)
        );
        for text in ["", "sha256:", "sha256:a7", &"a7".repeat(32), "sha1:00"] {
            assert_eq!(text.parse::<HubPin>(), Err(HubPinError));
        }
    }
}
