//! The test vectors of the protocol's documents, verified as a reader would.

use fleetlink_proto::succession::Succession;
use fleetlink_proto::transfer::{SignedCertificate, SignedGrant};
use fleetlink_proto::{HubPin, signed};
use fleetlink_testkit::{hex, unhex};
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};

use super::stand_ins::StandIns;

const KEYS: &str = include_str!("../../../../docs/protocol/keys.md");
const TRUST: &str = include_str!("../../../../docs/protocol/trust.md");
const TRANSFER: &str = include_str!("../../../../docs/protocol/transfer.md");

/// The JSON of a block that is marked as a vector.
fn vector<T: serde::de::DeserializeOwned>(document: &str, name: &str) -> T {
    let (_, rest) = document
        .split_once(&format!("```vector {name}\n"))
        .expect("the document has the vector");
    serde_json::from_str(rest.split_once('\n').unwrap().0).expect("the vector is valid")
}

#[test]
fn the_proofs_of_a_key_are_as_the_document_says() {
    let mut device = StandIns::new(HubPin::from_sha256([7; 32]));
    device.binding = [9; 32];
    device.known.insert("NONCE", "0b".repeat(32));
    let public_key = device.public_key();
    assert!(KEYS.contains(public_key.strip_prefix("ed25519:").unwrap()));
    for domain in [
        "fleetlink-login-v1",
        "fleetlink-login-nonce-v1",
        "fleetlink-enrol-v1",
        "fleetlink-redeem-v1",
    ] {
        let row = format!("| `{domain}` | `{}` |", device.sign(domain, "cam"));
        assert!(KEYS.contains(&row), "{row}");
    }
    let channel = signed::Channel {
        hub: device.pin,
        binding: device.binding,
    };
    let message = hex(&channel.login("cam"));
    assert!(KEYS.contains(&message), "{message}");
}

#[test]
fn the_statement_of_a_new_hub_key_is_valid() {
    let statement: Succession = vector(TRUST, "succession");
    let old = HubPin::from_sha256(sha256(statement.old.spki()));
    for pin in [old, HubPin::from_sha256(sha256(statement.new.spki()))] {
        assert!(TRUST.contains(&pin.to_string()), "{pin}");
    }
    let message = signed::succession(old, &statement.new, statement.at);
    verify_by_hub(
        statement.old.spki(),
        &message,
        &statement.signature.to_string(),
    );
}

#[test]
fn the_certificate_and_the_grant_are_valid() {
    let SignedCertificate {
        certificate,
        signature,
    } = vector(TRANSFER, "certificate");
    let key = UnparsedPublicKey::new(&ED25519, certificate.party.key.as_bytes());
    let signature = unhex(&signature.to_string());
    key.verify(&certificate.message(), &signature).unwrap();

    let granted: SignedGrant = vector(TRANSFER, "grant");
    let pin = HubPin::from_sha256(sha256(granted.hub_key.spki()));
    assert_eq!(pin, certificate.hub);
    verify_by_hub(
        granted.hub_key.spki(),
        &granted.grant.message(&pin),
        &granted.signature.to_string(),
    );
}

/// Verifies a signature of a hub's key, whose point ends its SubjectPublicKeyInfo.
fn verify_by_hub(spki: &[u8], message: &[u8], signature: &str) {
    let point = &spki[spki.len() - 65..];
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    key.verify(message, &unhex(signature)).unwrap();
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().try_into().unwrap()
}
