//! Logins by key without a TLS exporter: what a hub's nonce is worth, and what it is not.

use fleetlink_testkit::unhex;
use serde_json::{Value, json};

use crate::harness::Hub;
use crate::proofs::{Client, DEVICE, Key, LOGIN, config, enrolled};

const LOGIN_NONCE: &str = "fleetlink-login-nonce-v1";

impl Client {
    fn nonce(&mut self) -> String {
        let reply = self.call("login.nonce", &json!({})).unwrap();
        assert_eq!(reply["expires_ms"], 30_000);
        reply["nonce"].as_str().unwrap().to_owned()
    }
}

impl Key {
    /// The parameters of a login with this nonce, signed over this pin.
    fn nonce_proof(&self, pin: &str, name: &str, nonce: &str) -> Value {
        let bytes: [u8; 32] = unhex(nonce).try_into().unwrap();
        let mut proof = self.proof(LOGIN_NONCE, pin, name, &bytes);
        proof["nonce"] = nonce.into();
        proof
    }
}

fn connect(hub: &Hub) -> Client {
    Client::connect(hub.address, &config())
}

#[test]
fn a_nonce_logs_in_once_and_on_its_own_connection() {
    let (hub, key) = enrolled();
    let (mut first, mut second) = (connect(&hub), connect(&hub));
    let (nonce, other) = (first.nonce(), second.nonce());
    assert_ne!(nonce, other);
    assert_eq!((nonce.len(), nonce.to_lowercase()), (64, nonce.clone()));
    let proof = key.nonce_proof(&hub.pin(), DEVICE, &nonce);
    assert_eq!(second.call("login", &proof).unwrap_err(), "stale_nonce");
    let login = first.call("login", &proof).unwrap();
    assert_eq!(login["name"], DEVICE);
    assert_eq!(first.call("login", &proof).unwrap_err(), "out_of_order");
    let late = first.call("login.nonce", &json!({}));
    assert_eq!(late.unwrap_err(), "out_of_order");
    assert!(
        first.call("file.list", &json!({})).is_ok(),
        "it is logged in"
    );
    assert_eq!(second.call("login", &proof).unwrap_err(), "stale_nonce");
}

#[test]
fn a_nonce_is_used_up_by_a_login_that_fails() {
    let (hub, key) = enrolled();
    let other_pin = format!("sha256:{}", "ab".repeat(32));
    let mut client = connect(&hub);
    // For another hub, under another name, and with a signature of nothing.
    for (pin, name) in [(other_pin, DEVICE), (hub.pin(), "other")] {
        let nonce = client.nonce();
        let proof = key.nonce_proof(&pin, name, &nonce);
        assert_eq!(client.call("login", &proof).unwrap_err(), "key_refused");
        let right = key.nonce_proof(&hub.pin(), DEVICE, &nonce);
        assert_eq!(client.call("login", &right).unwrap_err(), "stale_nonce");
    }
    let nonce = client.nonce();
    let mut unsigned = key.nonce_proof(&hub.pin(), DEVICE, &nonce);
    unsigned["signature"] = "00".repeat(64).into();
    assert_eq!(client.call("login", &unsigned).unwrap_err(), "key_refused");
    let nonce = client.nonce();
    let mut wrong_key = key.nonce_proof(&hub.pin(), DEVICE, &nonce);
    wrong_key["key"] = format!("ed25519:{}", "01".repeat(32)).into();
    assert_eq!(client.call("login", &wrong_key).unwrap_err(), "key_refused");

    let right = key.nonce_proof(&hub.pin(), DEVICE, &client.nonce());
    assert_eq!(client.call("login", &right).unwrap()["name"], DEVICE);
}

#[test]
fn a_signature_for_one_kind_of_login_is_none_for_the_other() {
    let (hub, key) = enrolled();
    let mut client = connect(&hub);
    let nonce = client.nonce();
    let bits: [u8; 32] = unhex(&nonce).try_into().unwrap();
    let binding = client.binding();
    let mut by_exporter = key.proof(LOGIN, &hub.pin(), DEVICE, &binding);
    by_exporter["nonce"] = nonce.into();
    assert_eq!(
        client.call("login", &by_exporter).unwrap_err(),
        "key_refused"
    );
    let mut purpose = key.proof(LOGIN, &hub.pin(), DEVICE, &bits);
    purpose["nonce"] = client.nonce().into();
    assert_eq!(client.call("login", &purpose).unwrap_err(), "key_refused");
    let mut by_nonce = key.nonce_proof(&hub.pin(), DEVICE, &client.nonce());
    by_nonce.as_object_mut().unwrap().remove("nonce");
    assert_eq!(client.call("login", &by_nonce).unwrap_err(), "key_refused");
    let purpose = key.proof(LOGIN_NONCE, &hub.pin(), DEVICE, &binding);
    assert_eq!(client.call("login", &purpose).unwrap_err(), "key_refused");
    // And the exporter's kind still works on this connection.
    let right = key.proof(LOGIN, &hub.pin(), DEVICE, &binding);
    assert_eq!(client.call("login", &right).unwrap()["name"], DEVICE);
}

#[test]
fn the_oldest_of_five_nonces_is_not_valid() {
    let (hub, key) = enrolled();
    let mut client = connect(&hub);
    let nonces: Vec<String> = (0..5).map(|_| client.nonce()).collect();
    let mut login = |nonce: &String| {
        let proof = key.nonce_proof(&hub.pin(), DEVICE, nonce);
        client.call("login", &proof)
    };
    assert_eq!(login(&nonces[0]).unwrap_err(), "stale_nonce");
    assert_eq!(login(&nonces[1]).unwrap()["name"], DEVICE);
}

/// The certificate that this connection has shown counts, not the hub's newest one.
#[test]
fn a_login_is_bound_to_the_key_that_its_connection_has_shown() {
    let (hub, key) = enrolled();
    let old = hub.pin();
    let mut before = connect(&hub);
    let new = hub.rotate();
    assert_ne!(new, old);
    let proof = key.nonce_proof(&new, DEVICE, &before.nonce());
    assert_eq!(before.call("login", &proof).unwrap_err(), "key_refused");
    let proof = key.nonce_proof(&old, DEVICE, &before.nonce());
    assert_eq!(before.call("login", &proof).unwrap()["name"], DEVICE);
    let mut after = connect(&hub);
    let proof = key.nonce_proof(&old, DEVICE, &after.nonce());
    assert_eq!(after.call("login", &proof).unwrap_err(), "key_refused");
    let proof = key.nonce_proof(&new, DEVICE, &after.nonce());
    assert_eq!(after.call("login", &proof).unwrap()["name"], DEVICE);
}

/// The name is locked out by wrong passwords: its key is not, and no login with a nonce counts.
#[test]
fn a_nonce_login_neither_counts_for_a_lock_out_nor_is_stopped_by_one() {
    let (hub, key) = enrolled();
    let mut client = connect(&hub);
    for _ in 0..20 {
        let stale = key.nonce_proof(&hub.pin(), DEVICE, &"00".repeat(32));
        assert_eq!(client.call("login", &stale).unwrap_err(), "stale_nonce");
        let mut wrong = key.nonce_proof(&hub.pin(), DEVICE, &client.nonce());
        wrong["signature"] = "00".repeat(64).into();
        assert_eq!(client.call("login", &wrong).unwrap_err(), "key_refused");
    }
    let guess = json!({"name": DEVICE, "password": "guess"});
    for expected in ["wrong_password", "wrong_password", "now_blocked", "blocked"] {
        assert_eq!(client.call("login", &guess).unwrap_err(), expected);
    }
    let right = key.nonce_proof(&hub.pin(), DEVICE, &client.nonce());
    assert_eq!(client.call("login", &right).unwrap()["name"], DEVICE);
    // The name is still locked out for passwords.
    let again = connect(&hub).call("login", &guess);
    assert_eq!(again.unwrap_err(), "blocked");
}
