//! Certificates and grants: what devices and the hub sign. docs/protocol/transfer.md describes them.
//! Signatures are checked where cryptography is known.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::EndpointId;
use super::limits::{CERTIFICATE_LIFETIME, GRANT_LIFETIME};
use crate::device_key::{parse_hex, write_hex};
use crate::signed::message;
use crate::succession::Succession;
use crate::{DeviceKey, DeviceName, HubKey, HubPin, HubTime, Signature};

/// The domain of what a device signs about its endpoint.
const CERTIFICATE: &str = "fleetlink-endpoint-v2";
/// The domain of what a hub signs about a transfer.
const GRANT: &str = "fleetlink-transfer-grant-v2";

/// 128 bits that name one grant, drawn at random by the hub; written as 32 lower-case hexadecimal
/// digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TransferId([u8; 16]);

/// The text names no grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a grant's id is written as 32 lower-case hexadecimal digits")]
pub struct TransferIdError;

/// A device as its hub knows it, and the endpoint that it is reached by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The device.
    pub name: DeviceName,
    /// Its key.
    pub key: DeviceKey,
    /// The endpoint of its process that has joined.
    pub endpoint: EndpointId,
}

/// A device as a grant names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedParty {
    /// The device and its endpoint.
    #[serde(flatten)]
    pub party: Party,
    /// Whether the key is the one that the device has enrolled, and so the same the next time. One
    /// without an enrolled key signs by a key of its process.
    pub enrolled: bool,
}

/// The hub's word that one endpoint may send files to another, for a short time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The grant's number.
    pub id: TransferId,
    /// The sender.
    pub from: GrantedParty,
    /// The receiver.
    pub to: GrantedParty,
    /// Until when a connection may be introduced by it.
    pub expires: HubTime,
}

/// A grant as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedGrant {
    /// The grant.
    pub grant: Grant,
    /// The hub's key: its SHA-256 must be the pin, or that of a key to which `succession` leads.
    pub hub_key: HubKey,
    /// ECDSA P-256 with SHA-256 by that key over [`Grant::message`]: r and s, 32 bytes each, in
    /// network order (FIPS 186-5).
    pub signature: Signature,
    /// The statements that lead to the hub's key from an earlier one, by which the sender or the
    /// receiver still knows the hub: at most [`super::limits::MAX_GRANT_SUCCESSION`], in order.
    /// Each is signed by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub succession: Vec<Succession>,
}

/// A device's word that an endpoint is its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointCertificate {
    /// The device and the endpoint.
    #[serde(flatten)]
    pub party: Party,
    /// The hub at which they are known.
    pub hub: HubPin,
    /// Until when.
    pub expires: HubTime,
}

/// A certificate as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedCertificate {
    /// The certificate.
    #[serde(flatten)]
    pub certificate: EndpointCertificate,
    /// By the device's key, over [`EndpointCertificate::message`].
    pub signature: Signature,
}

/// The reason why a grant or a certificate is invalid here, whoever signed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// Its time is over.
    #[error("its time is over")]
    Expired,
    /// It is of another run of the hub, whose clock tells nothing about this one's.
    #[error("it is from before the hub's last start, or from after it")]
    OtherRun,
    /// It would live longer than any may.
    #[error("it would be valid for too long")]
    TooLong,
    /// It is about another hub.
    #[error("it is of another hub")]
    OtherHub,
    /// It is about another device or endpoint.
    #[error("it is for another device or endpoint")]
    OtherParty,
}

impl TransferId {
    /// The id with these 128 bits.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        TransferId(bytes)
    }
}

impl Grant {
    /// The message that the hub with this pin signs.
    pub fn message(&self, hub: &HubPin) -> Vec<u8> {
        let (from, to) = (&self.from.party, &self.to.party);
        message(&[
            GRANT.as_bytes(),
            hub.as_bytes(),
            &self.id.0,
            from.name.as_str().as_bytes(),
            from.key.as_bytes(),
            from.endpoint.as_bytes(),
            &[u8::from(self.from.enrolled)],
            to.name.as_str().as_bytes(),
            to.key.as_bytes(),
            to.endpoint.as_bytes(),
            &[u8::from(self.to.enrolled)],
            &self.expires.to_bytes(),
        ])
    }

    /// Whether its time is not over.
    pub fn check_time(&self, now: HubTime) -> Result<(), GrantError> {
        check_time(self.expires, now, GRANT_LIFETIME)
    }
}

impl EndpointCertificate {
    /// The message that the device signs.
    pub fn message(&self) -> Vec<u8> {
        message(&[
            CERTIFICATE.as_bytes(),
            self.hub.as_bytes(),
            self.party.name.as_str().as_bytes(),
            self.party.endpoint.as_bytes(),
            &self.expires.to_bytes(),
        ])
    }

    /// Whether it is about this device and endpoint at this hub, and its time is not over.
    pub fn check(&self, party: &Party, hub: &HubPin, now: HubTime) -> Result<(), GrantError> {
        if self.hub != *hub {
            return Err(GrantError::OtherHub);
        }
        if self.party != *party {
            return Err(GrantError::OtherParty);
        }
        check_time(self.expires, now, CERTIFICATE_LIFETIME)
    }
}

/// Twice the lifetime is allowed for: a device's idea of the hub's clock is as late as the answer was
/// that brought it. Far more would live for ever.
fn check_time(expires: HubTime, now: HubTime, lifetime: Duration) -> Result<(), GrantError> {
    match expires.left(now) {
        None => Err(GrantError::OtherRun),
        Some(Duration::ZERO) => Err(GrantError::Expired),
        Some(left) if left <= 2 * lifetime => Ok(()),
        Some(_) => Err(GrantError::TooLong),
    }
}

impl FromStr for TransferId {
    type Err = TransferIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_hex(text).map(TransferId).ok_or(TransferIdError)
    }
}

impl TryFrom<String> for TransferId {
    type Error = TransferIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TransferId> for String {
    fn from(id: TransferId) -> String {
        id.to_string()
    }
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HubRun;

    fn party(name: &str, byte: u8) -> Party {
        Party {
            name: name.parse().unwrap(),
            key: DeviceKey::from_bytes([byte; 32]),
            endpoint: EndpointId::from_bytes([byte + 1; 32]),
        }
    }

    fn at(ms: u64) -> HubTime {
        let run = HubRun::from_bytes([6; 16]);
        HubTime { run, ms }
    }

    #[test]
    fn what_is_signed_is_what_the_document_says() {
        let hub = HubPin::from_sha256([9; 32]);
        let grant = Grant {
            id: TransferId::from_bytes([1; 16]),
            from: GrantedParty {
                party: party("cam", 2),
                enrolled: true,
            },
            to: GrantedParty {
                party: party("uav", 4),
                enrolled: false,
            },
            expires: at(0x0102),
        };
        let expected = [
            b"\0\0\0\x1bfleetlink-transfer-grant-v2\0\0\0\x20".as_slice(),
            &[9; 32],
            b"\0\0\0\x10",
            &[1; 16],
            b"\0\0\0\x03cam\0\0\0\x20",
            &[2; 32],
            b"\0\0\0\x20",
            &[3; 32],
            b"\0\0\0\x01\x01\0\0\0\x03uav\0\0\0\x20",
            &[4; 32],
            b"\0\0\0\x20",
            &[5; 32],
            b"\0\0\0\x01\0\0\0\0\x18",
            &[6; 16],
            b"\0\0\0\0\0\0\x01\x02",
        ];
        assert_eq!(grant.message(&hub), expected.concat());
        let text = serde_json::to_string(&grant).unwrap();
        assert!(text.contains(r#""enrolled":true}"#), "{text}");
        assert_eq!(serde_json::from_str::<Grant>(&text).unwrap(), grant);
        let certificate = EndpointCertificate {
            party: party("cam", 2),
            hub,
            expires: at(0x0102),
        };
        let expected = [
            b"\0\0\0\x15fleetlink-endpoint-v2\0\0\0\x20".as_slice(),
            &[9; 32],
            b"\0\0\0\x03cam\0\0\0\x20",
            &[3; 32],
            b"\0\0\0\x18",
            &[6; 16],
            b"\0\0\0\0\0\0\x01\x02",
        ];
        assert_eq!(certificate.message(), expected.concat());
        let text = serde_json::to_string(&certificate).unwrap();
        assert_eq!(
            serde_json::from_str::<EndpointCertificate>(&text).unwrap(),
            certificate
        );
    }

    #[test]
    fn a_certificate_holds_for_its_own_party_hub_and_time() {
        let hub = HubPin::from_sha256([9; 32]);
        let certificate = EndpointCertificate {
            party: party("cam", 2),
            hub,
            expires: at(1000),
        };
        let cam = party("cam", 2);
        let other = HubPin::from_sha256([8; 32]);
        assert_eq!(certificate.check(&cam, &hub, at(999)), Ok(()));
        assert_eq!(
            certificate.check(&cam, &hub, at(1000)),
            Err(GrantError::Expired)
        );
        let lifetime = u64::try_from(CERTIFICATE_LIFETIME.as_millis()).unwrap();
        let certificate = EndpointCertificate {
            expires: at(2 * lifetime + 1000),
            ..certificate
        };
        assert_eq!(certificate.check(&cam, &hub, at(1000)), Ok(()));
        assert_eq!(
            certificate.check(&cam, &hub, at(999)),
            Err(GrantError::TooLong)
        );
        let other_run = HubTime {
            run: HubRun::from_bytes([7; 16]),
            ms: 1000,
        };
        assert_eq!(
            certificate.check(&cam, &hub, other_run),
            Err(GrantError::OtherRun)
        );
        assert_eq!(
            certificate.check(&cam, &other, at(1000)),
            Err(GrantError::OtherHub)
        );
        for party in [party("uav", 2), party("cam", 3)] {
            assert_eq!(
                certificate.check(&party, &hub, at(1000)),
                Err(GrantError::OtherParty)
            );
        }
    }
}
