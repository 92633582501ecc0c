//! Whether the signature of a request holds on this connection.
//!
//! It is checked here and not in the core, which knows no cryptography, and before any account is
//! looked at: against the key that the request itself names. So the work is the same for every
//! name, known or not, and the core compares that key with the enrolled one. It takes well under a
//! millisecond, and what a session may send before its login bounds how often.

use fleetlink_core::Possession;
use fleetlink_proto::control::{
    AnnounceEndpoint, EnrolKey, Login, LoginProof, OpenTransfer, RedeemTicket, ReplaceKey, Request,
};
use fleetlink_proto::signed::{self, Channel};
use fleetlink_proto::transfer::SignedCertificate;
use fleetlink_proto::{DeviceKey, DeviceName, Signature};
use ring::signature::{ED25519, UnparsedPublicKey};

/// The text to sign on this channel under this name.
type Message = fn(&Channel, &str) -> Vec<u8>;

/// Verifies the signature of this request. A request without one only tells whether there is a channel.
pub(super) fn check(request: &Request, channel: Option<&Channel>) -> Possession {
    let (key, signature, name, message) = match request {
        Request::Login(Login {
            name,
            proof:
                LoginProof::Key {
                    key,
                    signature,
                    nonce: Some(nonce),
                },
        }) => {
            return match channel {
                None => Possession::NoChannel,
                Some(Channel { hub, .. }) => {
                    found(key, signature, &signed::login_by_nonce(*hub, name, **nonce))
                }
            };
        }
        Request::Login(Login {
            name,
            proof: LoginProof::Key { key, signature, .. },
        }) => (key, signature, name.as_str(), Channel::login as Message),
        Request::EnrolKey(EnrolKey {
            name,
            key,
            signature,
        })
        | Request::ReplaceKey(ReplaceKey {
            name,
            key,
            signature,
        }) => (key, signature, name.as_str(), Channel::enrolment as Message),
        Request::RedeemTicket(RedeemTicket {
            name,
            key,
            signature,
            ..
        }) => {
            let name = name.as_ref().map_or("", DeviceName::as_str);
            (key, signature, name, Channel::redemption as Message)
        }
        Request::AnnounceEndpoint(AnnounceEndpoint { certificate, .. })
        | Request::OpenTransfer(OpenTransfer {
            certificate: Some(certificate),
            ..
        }) => {
            return check_endpoint(certificate, channel);
        }
        _ if channel.is_none() => return Possession::NoChannel,
        _ => return Possession::Unproven,
    };
    match channel {
        None => Possession::NoChannel,
        Some(channel) => found(key, signature, &message(channel, name)),
    }
}

/// A certificate is for whoever is shown it, so it is tied to the hub and not to the connection.
fn check_endpoint(signed: &SignedCertificate, channel: Option<&Channel>) -> Possession {
    let SignedCertificate {
        certificate,
        signature,
    } = signed;
    match channel {
        None => Possession::NoChannel,
        Some(channel)
            if certificate.hub == channel.hub
                && holds(&certificate.party.key, signature, &certificate.message()) =>
        {
            Possession::Proven
        }
        Some(_) => Possession::Unproven,
    }
}

fn found(key: &DeviceKey, signature: &Signature, message: &[u8]) -> Possession {
    match holds(key, signature, message) {
        true => Possession::Proven,
        false => Possession::Unproven,
    }
}

fn holds(key: &DeviceKey, signature: &Signature, message: &[u8]) -> bool {
    let key = UnparsedPublicKey::new(&ED25519, key.as_bytes());
    key.verify(message, signature.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::ticket::TicketSecret;
    use fleetlink_proto::{HubPin, LoginNonce};
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    fn channel(hub: u8, binding: u8) -> Channel {
        Channel {
            hub: HubPin::from_sha256([hub; 32]),
            binding: [binding; 32],
        }
    }

    /// A signature holds for its own connection, hub, name and purpose, and nowhere else.
    #[test]
    fn a_signature_cannot_be_used_elsewhere() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
        let key = DeviceKey::from_bytes(pair.public_key().as_ref().try_into().unwrap());
        let here = channel(1, 1);
        let sign = |message: Vec<u8>| {
            Signature::from_bytes(pair.sign(&message).as_ref().try_into().unwrap())
        };
        let login = |name: &str, signature| Request::Login(Login::by_key(name, key, signature));
        let enrol = |signature| {
            Request::EnrolKey(EnrolKey {
                name: "cam".parse().unwrap(),
                key,
                signature,
            })
        };
        let nonce = LoginNonce::from_bytes([4; 32]);
        let by_nonce =
            |name: &str, signature| Request::Login(Login::by_nonce(name, key, signature, nonce));
        let over_nonce = |hub, nonce| sign(signed::login_by_nonce(hub, "cam", nonce));
        let for_nonce = over_nonce(here.hub, nonce);
        let request = by_nonce("cam", for_nonce.clone());
        assert_eq!(check(&request, Some(&here)), Possession::Proven);
        assert_eq!(check(&request, None), Possession::NoChannel);
        for request in [
            by_nonce("uav", for_nonce.clone()),
            by_nonce("cam", over_nonce(channel(2, 1).hub, nonce)),
            by_nonce("cam", over_nonce(here.hub, LoginNonce::from_bytes([5; 32]))),
            // One kind of signature is not the other.
            by_nonce("cam", sign(here.login("cam"))),
            by_nonce("cam", sign(channel(1, 4).login("cam"))),
            login("cam", for_nonce),
        ] {
            assert_eq!(
                check(&request, Some(&here)),
                Possession::Unproven,
                "{request:?}"
            );
        }

        let signed = sign(here.login("cam"));
        let request = login("cam", signed.clone());
        assert_eq!(check(&request, Some(&here)), Possession::Proven);
        for elsewhere in [channel(2, 1), channel(1, 2)] {
            assert_eq!(check(&request, Some(&elsewhere)), Possession::Unproven);
        }
        assert_eq!(check(&request, None), Possession::NoChannel);
        assert_eq!(
            check(&login("uav", signed.clone()), Some(&here)),
            Possession::Unproven
        );
        assert_eq!(check(&enrol(signed), Some(&here)), Possession::Unproven);
        let request = enrol(sign(here.enrolment("cam")));
        assert_eq!(check(&request, Some(&here)), Possession::Proven);
        let redeem = |name: Option<&str>, signature| {
            Request::RedeemTicket(RedeemTicket {
                ticket: TicketSecret::from_bytes([3; 16]),
                name: name.map(|name| name.parse().unwrap()),
                key,
                signature,
            })
        };
        for name in [None, Some("cam")] {
            let signed = sign(here.redemption(name.unwrap_or_default()));
            let request = redeem(name, signed.clone());
            assert_eq!(check(&request, Some(&here)), Possession::Proven);
            for elsewhere in [channel(2, 1), channel(1, 2)] {
                assert_eq!(check(&request, Some(&elsewhere)), Possession::Unproven);
            }
            let renamed = redeem(Some("uav"), signed);
            assert_eq!(check(&renamed, Some(&here)), Possession::Unproven);
        }
        let enrolment = redeem(Some("cam"), sign(here.enrolment("cam")));
        assert_eq!(check(&enrolment, Some(&here)), Possession::Unproven);
        let by_password = Request::Login(Login::by_password("cam", "x"));
        assert_eq!(check(&by_password, Some(&here)), Possession::Unproven);
        assert_eq!(check(&by_password, None), Possession::NoChannel);
    }
}
