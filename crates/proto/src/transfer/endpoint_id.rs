//! The identity of an endpoint.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::device_key::{parse_hex, write_hex};

/// The public key of one process' endpoint (Ed25519, RFC 8032), by which peers dial it. Written as
/// 64 lower-case hexadecimal digits. It is not the device's key, which outlives processes and
/// certifies this one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EndpointId([u8; 32]);

/// The text is no endpoint's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an endpoint is written as 64 lower-case hexadecimal digits")]
pub struct EndpointIdError;

impl EndpointId {
    /// The endpoint with this public key.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        EndpointId(bytes)
    }

    /// The 32 bytes of the key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for EndpointId {
    type Err = EndpointIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_hex(text).map(EndpointId).ok_or(EndpointIdError)
    }
}

impl TryFrom<String> for EndpointId {
    type Error = EndpointIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EndpointId> for String {
    fn from(id: EndpointId) -> String {
        id.to_string()
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_endpoint_has_one_spelling() {
        let id = EndpointId::from_bytes([0xa7; 32]);
        assert_eq!(id.to_string(), "a7".repeat(32));
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "a7", &"A7".repeat(32), &"é".repeat(32)] {
            assert_eq!(text.parse::<EndpointId>(), Err(EndpointIdError));
        }
    }
}
