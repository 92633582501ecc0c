//! A proof of a key is worth nothing on another connection than its own. The tests have a client of their
//! own, because ours signs only for the connection at hand.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, StreamOwned};
use serde_json::{Value, json};

use fleetlink_testkit::{any_hub, hex, unhex};

use crate::harness::Hub;

pub(crate) const DEVICE: &str = "camera";

pub(crate) fn config() -> Arc<ClientConfig> {
    let mut config = any_hub::config();
    config.alpn_protocols.clear();
    config.enable_early_data = true;
    Arc::new(config)
}

/// One connection, after `hello`.
pub(crate) struct Client {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    /// The features that the hub names.
    features: Value,
}

impl Client {
    pub(crate) fn connect(hub: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        let name = ServerName::try_from("fleetlink").unwrap();
        let tls = ClientConnection::new(Arc::clone(config), name).unwrap();
        let stream = StreamOwned::new(tls, TcpStream::connect(hub).unwrap());
        let mut client = Client {
            stream: BufReader::new(stream),
            features: Value::Null,
        };
        let hello = client.call("hello", &json!({"versions": [1]})).unwrap();
        client.features = hello["features"].clone();
        client
    }

    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        writeln!(self.stream.get_mut(), "{call}").unwrap();
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let mut answer: Value = serde_json::from_str(&line).unwrap();
        match answer["error"]["data"]["reason"].as_str() {
            Some(reason) => Err(reason.to_owned()),
            None => Ok(answer["result"].take()),
        }
    }

    pub(crate) fn binding(&self) -> [u8; 32] {
        let tls = &self.stream.get_ref().conn;
        let label = b"EXPORTER-Channel-Binding";
        tls.export_keying_material([0; 32], label, None).unwrap()
    }
}

/// A device's key, as its own folder has it, and as docs/protocol/keys.md says that it signs.
pub(crate) struct Key(Ed25519KeyPair);

impl Key {
    fn read(folder: &Path) -> Self {
        let hub = fs::read_dir(folder.join("state/keys")).unwrap().next();
        let file = hub.unwrap().unwrap().path().join(format!("{DEVICE}.pk8"));
        let document = fs::read(file).unwrap();
        Key(Ed25519KeyPair::from_pkcs8_maybe_unchecked(&document).unwrap())
    }

    fn public(&self) -> String {
        format!("ed25519:{}", hex(self.0.public_key().as_ref()))
    }

    /// The parameters of a login, signed for this purpose, hub, name and connection.
    pub(crate) fn proof(&self, domain: &str, pin: &str, name: &str, binding: &[u8; 32]) -> Value {
        let pin = unhex(pin.strip_prefix("sha256:").unwrap());
        let mut message = Vec::new();
        for part in [domain.as_bytes(), &pin, name.as_bytes(), binding] {
            message.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
            message.extend_from_slice(part);
        }
        let signature = hex(self.0.sign(&message).as_ref());
        json!({"name": name, "key": self.public(), "signature": signature})
    }
}

/// A hub, and a device that has enrolled its key there.
pub(crate) fn enrolled() -> (Hub, Key) {
    let hub = Hub::start(&[DEVICE, "other"]);
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(hub.visit(folder.path(), DEVICE).code, Some(0));
    let key = Key::read(folder.path());
    (hub, key)
}

pub(crate) const LOGIN: &str = "fleetlink-login-v1";

#[test]
fn a_proof_that_was_overheard_is_of_no_use_on_another_connection() {
    let (hub, key) = enrolled();
    let config = config();
    let mut first = Client::connect(hub.address, &config);
    let proof = key.proof(LOGIN, &hub.pin(), DEVICE, &first.binding());
    let mut replay = Client::connect(hub.address, &config);
    assert_eq!(replay.call("login", &proof).unwrap_err(), "key_refused");
    assert_eq!(first.call("login", &proof).unwrap()["name"], DEVICE);
    let again = Client::connect(hub.address, &config).call("login", &proof);
    assert_eq!(again.unwrap_err(), "key_refused", "also after its use");
}

#[test]
fn a_proof_for_one_hub_is_of_no_use_at_another() {
    let (hub, key) = enrolled();
    let other = Hub::start(&[DEVICE]);
    let known = other.operate("key", &["replace", "--device", DEVICE, &key.public()], "");
    assert_eq!(known.code, Some(0), "{known:?}");
    let mut client = Client::connect(other.address, &config());
    let relayed = key.proof(LOGIN, &hub.pin(), DEVICE, &client.binding());
    assert_eq!(client.call("login", &relayed).unwrap_err(), "key_refused");
    let own = key.proof(LOGIN, &other.pin(), DEVICE, &client.binding());
    assert_eq!(client.call("login", &own).unwrap()["name"], DEVICE);
}

#[test]
fn a_proof_is_for_one_name_and_one_purpose() {
    let (hub, key) = enrolled();
    let mut client = Client::connect(hub.address, &config());
    let binding = client.binding();
    let for_enrolment = key.proof("fleetlink-enrol-v1", &hub.pin(), DEVICE, &binding);
    let refused = client.call("login", &for_enrolment);
    assert_eq!(refused.unwrap_err(), "key_refused");
    let mut for_another = key.proof(LOGIN, &hub.pin(), DEVICE, &binding);
    for_another["name"] = "other".into();
    let refused = client.call("login", &for_another);
    assert_eq!(refused.unwrap_err(), "key_refused");
    let of_another = key.proof(LOGIN, &hub.pin(), "other", &binding);
    let refused = client.call("login", &of_another);
    assert_eq!(refused.unwrap_err(), "key_refused");
}

#[test]
fn a_hub_names_the_features_that_need_tls_and_passes_over_unknown_notifications() {
    let hub = Hub::start(&[DEVICE]);
    let mut client = Client::connect(hub.address, &config());
    let tls = ["keys", "login_nonce", "tickets", "transfers"];
    for feature in tls {
        let named = client.features.as_array().unwrap();
        assert!(named.contains(&feature.into()), "{feature}: {named:?}");
    }
    let notification = json!({"jsonrpc": "2.0", "method": "sensor.mood", "params": [1]});
    writeln!(client.stream.get_mut(), "{notification}").unwrap();
    let answer = client.call("ping", &json!({}));
    assert!(
        answer.unwrap()["clock"].is_object(),
        "nothing came before it"
    );
}

/// Bytes that are sent before the handshake is over could be sent twice.
#[test]
fn every_handshake_is_a_whole_one_and_nothing_is_accepted_before_its_end() {
    let (hub, _) = enrolled();
    let config = config();
    for _ in 0..3 {
        let client = Client::connect(hub.address, &config);
        let tls = &client.stream.get_ref().conn;
        assert_eq!(tls.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(
            tls.protocol_version(),
            Some(rustls::ProtocolVersion::TLSv1_3)
        );
        assert!(!tls.is_early_data_accepted());
    }
}
