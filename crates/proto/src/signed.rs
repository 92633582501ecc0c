//! The messages that are signed. docs/protocol/keys.md, 'Signed messages', describes them.
//!
//! Each begins with a domain of its own, and every part stands behind its length, so that no two
//! messages of different meaning are the same bytes.

use crate::{HubKey, HubPin, LoginNonce, WallTime};

/// The label under which TLS exports the binding of a connection (RFC 9266, section 2); there is no
/// context, and 32 bytes are taken.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// The domain of a proof that logs in.
const LOGIN: &str = "fleetlink-login-v1";
/// The domain of a proof that logs in where there is no binding.
const LOGIN_NONCE: &str = "fleetlink-login-nonce-v1";
/// The domain of a proof that makes a key a device's own.
const ENROL: &str = "fleetlink-enrol-v1";
/// The domain of a proof that goes with a ticket.
const REDEEM: &str = "fleetlink-redeem-v1";

/// The domain of a hub key's word for the next.
const HUB_KEY: &str = "fleetlink-hub-key-v1";

/// The message that the hub's key of the pin `old` signs to name its successor.
pub fn succession(old: HubPin, new: &HubKey, at: WallTime) -> Vec<u8> {
    message(&[
        HUB_KEY.as_bytes(),
        old.as_bytes(),
        new.spki(),
        at.to_string().as_bytes(),
    ])
}

/// The message that a device signs to log in under this name with a nonce of the hub. `hub` is the
/// pin of the certificate that the device received on this connection, never a configured one.
pub fn login_by_nonce(hub: HubPin, name: &str, nonce: LoginNonce) -> Vec<u8> {
    message(&[
        LOGIN_NONCE.as_bytes(),
        hub.as_bytes(),
        name.as_bytes(),
        nonce.as_bytes(),
    ])
}

/// The values that tie a proof to one connection with one hub, so that it cannot be replayed or
/// relayed elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// The hub's key.
    pub hub: HubPin,
    /// The exporter value of this TLS connection, which only its two ends know (RFC 9266).
    pub binding: [u8; 32],
}

impl Channel {
    /// The message that a device signs to log in under this name.
    pub fn login(&self, name: &str) -> Vec<u8> {
        self.proof(LOGIN, name)
    }

    /// The message that a device signs to enrol its key for this name.
    pub fn enrolment(&self, name: &str) -> Vec<u8> {
        self.proof(ENROL, name)
    }

    /// The message that a device signs to enrol its key by a ticket. The name is empty if the hub
    /// shall choose it.
    pub fn redemption(&self, name: &str) -> Vec<u8> {
        self.proof(REDEEM, name)
    }

    fn proof(&self, domain: &str, name: &str) -> Vec<u8> {
        message(&[
            domain.as_bytes(),
            self.hub.as_bytes(),
            name.as_bytes(),
            &self.binding,
        ])
    }
}

/// The parts, each behind its length in bytes as 32 bits in network order.
pub(crate) fn message(parts: &[&[u8]]) -> Vec<u8> {
    let mut message = Vec::new();
    for part in parts {
        let length = u32::try_from(part.len()).expect("a line, and so a part, is short");
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(part);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_what_the_document_says() {
        let channel = Channel {
            hub: HubPin::from_sha256([7; 32]),
            binding: [9; 32],
        };
        let expected = [
            b"\0\0\0\x12fleetlink-login-v1\0\0\0\x20".as_slice(),
            &[7; 32],
            b"\0\0\0\x03cam\0\0\0\x20",
            &[9; 32],
        ];
        assert_eq!(channel.login("cam"), expected.concat());
        assert_ne!(channel.login("cam"), channel.enrolment("cam"));
        assert_ne!(channel.redemption("cam"), channel.enrolment("cam"));
        let nonce = LoginNonce::from_bytes([9; 32]);
        let expected = [
            b"\0\0\0\x18fleetlink-login-nonce-v1\0\0\0\x20".as_slice(),
            &[7; 32],
            b"\0\0\0\x03cam\0\0\0\x20",
            &[9; 32],
        ];
        assert_eq!(login_by_nonce(channel.hub, "cam", nonce), expected.concat());
    }

    #[test]
    fn a_succession_is_what_the_document_says() {
        let spki = [
            b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d"
                .as_slice(),
            b"\x03\x01\x07\x03\x42\x00\x04",
            &[5; 64],
        ]
        .concat();
        let new = HubKey::from_spki(&spki).unwrap();
        let expected = [
            b"\0\0\0\x14fleetlink-hub-key-v1\0\0\0\x20".as_slice(),
            &[7; 32],
            b"\0\0\0\x5b",
            &spki,
            b"\0\0\0\x182022-09-30T10:31:13.042Z",
        ];
        let at = "2022-09-30T10:31:13.042Z".parse().unwrap();
        let signed = succession(HubPin::from_sha256([7; 32]), &new, at);
        assert_eq!(signed, expected.concat());
    }

    #[test]
    fn a_byte_cannot_move_from_one_part_to_the_next() {
        assert_ne!(message(&[b"ab", b"c"]), message(&[b"a", b"bc"]));
    }
}
