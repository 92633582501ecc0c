//! The start of a connection: the dialling device shows its grant.

use serde::{Deserialize, Serialize};

use super::failure::TransferFailure;
use super::frames::{Frame, Frames};
use super::grant::{SignedCertificate, SignedGrant};
use super::message::{frame, kind, parse};
use super::reason::Ended;

/// From the dialler, on the connection's first stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// The hub's leave.
    pub grant: SignedGrant,
    /// The dialler's word for its endpoint.
    pub certificate: SignedCertificate,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Greeting {
    /// Files may be offered; this is the receiver's word for its endpoint.
    Welcome(SignedCertificate),
    /// The connection ends.
    Refused(Ended),
}

impl Introduction {
    /// The whole frame.
    pub fn encode(&self) -> Vec<u8> {
        frame(kind::INTRODUCTION, self)
    }

    /// The introduction in a stream's whole content.
    pub fn decode(stream: &[u8]) -> Result<Self, TransferFailure> {
        match only_frame(stream)? {
            (kind::INTRODUCTION, payload) => parse(&payload),
            _ => None,
        }
        .ok_or_else(|| TransferFailure::violation("no introduction"))
    }
}

impl Greeting {
    /// The whole frame.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Greeting::Welcome(certificate) => frame(kind::WELCOME, certificate),
            Greeting::Refused(ended) => frame(kind::REFUSE, ended),
        }
    }

    /// The greeting in a stream's whole content.
    pub fn decode(stream: &[u8]) -> Result<Self, TransferFailure> {
        match only_frame(stream)? {
            (kind::WELCOME, payload) => parse(&payload).map(Greeting::Welcome),
            (kind::REFUSE, payload) => parse(&payload).map(Greeting::Refused),
            _ => None,
        }
        .ok_or_else(|| TransferFailure::violation("no answer to the introduction"))
    }
}

fn only_frame(mut stream: &[u8]) -> Result<(u8, Vec<u8>), TransferFailure> {
    match Frames::default().next(&mut stream) {
        Frame::Message(kind, payload) if stream.is_empty() => Ok((kind, payload)),
        Frame::Garbage(what) => Err(TransferFailure::violation(what)),
        _ => Err(TransferFailure::violation("not one whole message")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::MAX_GRANT_SUCCESSION;
    use super::super::reason::Reason;
    use super::super::{EndpointCertificate, EndpointId, Grant, GrantedParty, Party, TransferId};
    use super::*;
    use crate::succession::Succession;
    use crate::{DeviceKey, HubKey, HubPin, HubRun, HubTime, Signature, WallTime};

    fn hub_time() -> HubTime {
        let run = HubRun::from_bytes([0xab; 16]);
        HubTime { run, ms: u64::MAX }
    }

    fn certificate() -> SignedCertificate {
        SignedCertificate {
            certificate: EndpointCertificate {
                party: Party {
                    name: "cam".parse().unwrap(),
                    key: DeviceKey::from_bytes([1; 32]),
                    endpoint: EndpointId::from_bytes([2; 32]),
                },
                hub: HubPin::from_sha256([3; 32]),
                expires: hub_time(),
            },
            signature: Signature::from_bytes([5; 64]),
        }
    }

    #[test]
    fn a_greeting_is_one_whole_frame() {
        let refused = Greeting::Refused(Ended::new(Reason::BadGrant, "expired"));
        for greeting in [Greeting::Welcome(certificate()), refused] {
            let mut bytes = greeting.encode();
            assert_eq!(Greeting::decode(&bytes), Ok(greeting));
            assert!(Greeting::decode(&bytes[..bytes.len() - 1]).is_err());
            bytes.push(0);
            assert!(Greeting::decode(&bytes).is_err());
        }
        assert_eq!(Greeting::Welcome(certificate()).encode()[0], 0x21);
        assert!(Greeting::decode(b"\x21\0\0\0\x02{}").is_err());
        assert!(Introduction::decode(b"\x20\0\0\0\x02{}").is_err());
        assert!(Greeting::decode(b"").is_err());
    }

    /// The longest one there is: names of 64 bytes, and as many statements as go with a grant.
    #[test]
    fn an_introduction_fits_its_frame() {
        let mut spki =
            b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\
                         \x3d\x03\x01\x07\x03\x42\x00\x04"
                .to_vec();
        spki.extend([0xab; 64]);
        let key = HubKey::from_spki(&spki).unwrap();
        let signature = Signature::from_bytes([5; 64]);
        let statement = Succession {
            old: key.clone(),
            new: key.clone(),
            at: WallTime::from_unix_millis(4),
            signature: signature.clone(),
        };
        let mut certificate = certificate();
        certificate.certificate.party.name = "n".repeat(64).parse().unwrap();
        let named = GrantedParty {
            party: certificate.certificate.party.clone(),
            enrolled: false,
        };
        let grant = Grant {
            id: TransferId::from_bytes([1; 16]),
            from: named.clone(),
            to: named,
            expires: hub_time(),
        };
        let introduction = Introduction {
            grant: SignedGrant {
                grant,
                hub_key: key,
                signature,
                succession: vec![statement; MAX_GRANT_SUCCESSION],
            },
            certificate,
        };
        let bytes = introduction.encode();
        assert_eq!(Introduction::decode(&bytes), Ok(introduction));
    }
}
