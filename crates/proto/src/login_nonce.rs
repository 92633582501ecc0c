//! The nonce that a device signs if it cannot bind its login to the TLS channel.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::device_key::{parse_hex, write_hex};

/// 256 random bits that a hub issued for one login on one connection, written as 64 lower-case
/// hexadecimal digits. They are no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LoginNonce([u8; 32]);

/// The text is no nonce.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a nonce is written as 64 lower-case hexadecimal digits")]
pub struct LoginNonceError;

impl LoginNonce {
    /// The nonce with these bits; the hub draws them at random.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        LoginNonce(bytes)
    }

    /// The bits, as they are signed.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for LoginNonce {
    type Err = LoginNonceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_hex(text).map(LoginNonce).ok_or(LoginNonceError)
    }
}

impl TryFrom<String> for LoginNonce {
    type Error = LoginNonceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<LoginNonce> for String {
    fn from(nonce: LoginNonce) -> String {
        nonce.to_string()
    }
}

impl fmt::Display for LoginNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for LoginNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
