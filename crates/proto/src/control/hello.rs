//! `hello`: the first call of every session, and what the hub says about itself.

use serde::{Deserialize, Deserializer, Serialize};

use super::limits;
use crate::succession::Succession;
use crate::{HashAlgorithm, HubPin};

/// `hello`: the first call of every session; agrees on a version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The versions that the device speaks.
    pub versions: Vec<u32>,
    /// The device's program, for the hub's log: `fleetlink 0.1.0`.
    #[serde(default)]
    pub client: String,
    /// The pin of the key that the device expected and this connection did not show: the hub tells
    /// what leads from there to the shown one, if it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<HubPin>,
    /// The hashes that the device computes, the preferred one first; `None` is BLAKE3 alone. Names
    /// that this version does not know are left out when the call is read.
    #[serde(
        default,
        deserialize_with = "HashAlgorithm::read_known",
        skip_serializing_if = "Option::is_none"
    )]
    pub hashes: Option<Vec<HashAlgorithm>>,
}

/// The answer to `hello`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloReply {
    /// The version that both speak from here on.
    pub version: u32,
    /// The hub's program: `fleetlink 0.1.0`.
    pub hub: String,
    /// The keep-alive of this session, in milliseconds.
    pub keep_alive_ms: u64,
    /// The hash of this session's uploads and downloads. A hub of an earlier version has BLAKE3.
    #[serde(default)]
    pub hash: HashAlgorithm,
    /// The optional parts of the protocol that the hub has on this connection. Names that this
    /// version does not know are left out when the answer is read.
    #[serde(default, deserialize_with = "known_features")]
    pub features: Vec<Feature>,
    /// The limits that a device keeps to.
    #[serde(default)]
    pub limits: SessionLimits,
    /// The statements that lead from the key of the pin in `hello` to the key that this connection
    /// has shown, in order. Empty if the hub knows none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub succession: Vec<Succession>,
}

macro_rules! features {
    ($($(#[$doc:meta])* $feature:ident = $name:literal, $tls:literal;)*) => {
        /// An optional part of the protocol that a hub names in its answer to `hello`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        pub enum Feature {
            $($(#[$doc])* #[serde(rename = $name)] $feature,)*
        }

        impl Feature {
            /// Every feature that this version knows.
            pub const ALL: &[Feature] = &[$(Feature::$feature),*];

            /// The feature's name on the wire.
            pub fn name(self) -> &'static str {
                match self {
                    $(Feature::$feature => $name,)*
                }
            }

            /// Whether a hub has it on connections with TLS alone.
            pub fn needs_tls(self) -> bool {
                match self {
                    $(Feature::$feature => $tls,)*
                }
            }
        }
    };
}

features! {
    /// Data files have names; numbers are some of them.
    FileNames = "file_names", false;
    /// `upload` of `upload.open` and `download` of `download.open`.
    ClientNumbers = "client_numbers", false;
    /// `receives` of `join`.
    Receives = "receives", false;
    /// `only_if_free` of `join`.
    OnlyIfFree = "only_if_free", false;
    /// `background` of the lists.
    Background = "background", false;
    /// Device keys: `key.enrol` and its siblings, and `login` by key.
    Keys = "keys", true;
    /// `login.nonce`, and `nonce` of `login`.
    LoginNonce = "login_nonce", true;
    /// `ticket.redeem`.
    Tickets = "tickets", true;
    /// `transfer.announce` and `transfer.open`.
    Transfers = "transfers", true;
    /// `transfer.report`.
    TransferReports = "transfer_reports", true;
}

/// Reads the names of features and leaves out those that this version does not know.
fn known_features<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Feature>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let known = Feature::ALL.iter().copied();
    let known = known.filter(|feature| names.iter().any(|name| name == feature.name()));
    Ok(known.collect())
}

/// The limits that a device keeps to. A hub that does not name one has that of this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionLimits {
    /// Bytes of a line, its newline not counted.
    pub line_bytes: u64,
    /// Bytes that one chunk line may announce.
    pub chunk_bytes: u64,
    /// Bytes of one upload.
    pub upload_bytes: u64,
    /// Uploads of a session that may be open.
    pub uploads: u64,
    /// Downloads of a session that may be open.
    pub downloads: u64,
    /// Calls of a session that may wait for their answers; past that the hub stops reading.
    pub calls: u64,
    /// Entries on one page of a list.
    pub page_entries: u64,
    /// An interrupted upload of which the hub has received at least so many bytes can be resumed.
    pub resume_from_bytes: u64,
}

impl Default for SessionLimits {
    fn default() -> Self {
        SessionLimits {
            line_bytes: limits::MAX_LINE_BYTES as u64,
            chunk_bytes: limits::MAX_CHUNK_BYTES.into(),
            upload_bytes: limits::MAX_UPLOAD_BYTES,
            uploads: limits::MAX_UPLOADS_PER_SESSION as u64,
            downloads: limits::MAX_DOWNLOADS_PER_SESSION as u64,
            calls: limits::MAX_REQUESTS_IN_FLIGHT as u64,
            page_entries: limits::MAX_PAGE_ENTRIES.into(),
            resume_from_bytes: limits::RESUME_FROM_BYTES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hub may name features, limits and members that this version does not know, or none at all.
    #[test]
    fn unknown_features_and_limits_are_passed_over() {
        let text = r#"{"version":1,"hub":"h","keep_alive_ms":10000,"new":[1],
            "features":["keys","time_travel","receives"],
            "limits":{"calls":9,"parsecs":12}}"#;
        let reply: HelloReply = serde_json::from_str(text).unwrap();
        assert_eq!(reply.features, [Feature::Receives, Feature::Keys]);
        let expected = SessionLimits {
            calls: 9,
            ..SessionLimits::default()
        };
        assert_eq!(reply.limits, expected);
        let older = r#"{"version":1,"hub":"h","keep_alive_ms":10000}"#;
        let reply: HelloReply = serde_json::from_str(older).unwrap();
        assert_eq!(
            (reply.features, reply.limits),
            (vec![], SessionLimits::default())
        );
    }

    #[test]
    fn unknown_hashes_are_passed_over() {
        let hashes = |rest: &str| {
            let text = format!(r#"{{"versions":[1]{rest}}}"#);
            serde_json::from_str::<Hello>(&text).map(|hello| hello.hashes)
        };
        let (blake3, sha256) = (HashAlgorithm::Blake3, HashAlgorithm::Sha256);
        for (rest, expected) in [
            ("", None),
            (r#","hashes":[]"#, Some(vec![])),
            (r#","hashes":["md5"]"#, Some(vec![])),
            (
                r#","hashes":["md5","sha256","blake3"]"#,
                Some(vec![sha256, blake3]),
            ),
        ] {
            assert_eq!(hashes(rest).unwrap(), expected, "{rest}");
        }
        for wrong in [r#","hashes":"sha256""#, r#","hashes":[256]"#] {
            assert!(hashes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn features_survive_the_wire() {
        let reply = HelloReply {
            features: Feature::ALL.to_vec(),
            ..HelloReply::default()
        };
        let text = serde_json::to_string(&reply).unwrap();
        assert_eq!(serde_json::from_str::<HelloReply>(&text).unwrap(), reply);
    }
}
