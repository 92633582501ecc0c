//! The id by which a caller recognises the answer.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::limits::MAX_REQUEST_ID_BYTES;

/// A request's id: a whole number or a short text, chosen by the caller (JSON-RPC 2.0, section 4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum RequestId {
    /// A whole number.
    Number(i64),
    /// A text of at most 64 bytes.
    Text(Box<str>),
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Number(i64),
            Text(Box<str>),
        }
        match Raw::deserialize(deserializer) {
            Ok(Raw::Number(id)) => Ok(RequestId::Number(id)),
            Ok(Raw::Text(id)) if id.len() <= MAX_REQUEST_ID_BYTES => Ok(RequestId::Text(id)),
            _ => Err(D::Error::custom(
                "an id is a whole number or a text of at most 64 bytes",
            )),
        }
    }
}
