//! The words of a transcript that stand for what differs from run to run.

use std::collections::BTreeMap;

use fleetlink_proto::HubPin;
use fleetlink_testkit::{hex, unhex};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::Value;

/// The device's key in every transcript, and in the documents' test vectors.
const SEED: [u8; 32] = [1; 32];

/// The values of a device that its lines are made of.
pub(crate) struct StandIns {
    key: Ed25519KeyPair,
    /// The hub's pin.
    pub(crate) pin: HubPin,
    /// The bytes that the TLS connection exports.
    pub(crate) binding: [u8; 32],
    /// `NONCE` and `TICKET`, once they are known.
    pub(crate) known: BTreeMap<&'static str, String>,
}

impl StandIns {
    pub(crate) fn new(pin: HubPin) -> Self {
        StandIns {
            key: Ed25519KeyPair::from_seed_unchecked(&SEED).unwrap(),
            pin,
            binding: [0; 32],
            known: BTreeMap::new(),
        }
    }

    pub(crate) fn public_key(&self) -> String {
        format!("ed25519:{}", hex(self.key.public_key().as_ref()))
    }

    /// The signature of the message that begins with this text.
    pub(crate) fn sign(&self, domain: &str, name: &str) -> String {
        let nonce = self.known.get("NONCE").map(|digits| unhex(digits));
        let last = match domain.contains("nonce") {
            true => nonce.expect("the hub gave a nonce"),
            false => self.binding.to_vec(),
        };
        let parts = [
            domain.as_bytes(),
            self.pin.as_bytes(),
            name.as_bytes(),
            &last,
        ];
        let mut message = Vec::new();
        for part in parts {
            message.extend_from_slice(&u32::try_from(part.len()).unwrap().to_be_bytes());
            message.extend_from_slice(part);
        }
        hex(self.key.sign(&message).as_ref())
    }

    /// The line that the device sends.
    pub(crate) fn fill(&self, line: &str) -> String {
        let call: Value = serde_json::from_str(line).expect("a sent line is JSON");
        let name = call["params"]["name"].as_str().unwrap_or_default();
        let mut line = line.replace("\"KEY\"", &format!("{:?}", self.public_key()));
        for (word, value) in &self.known {
            line = line.replace(&format!("\"{word}\""), &format!("{value:?}"));
        }
        if let Some((before, rest)) = line.split_once("SIGN(") {
            let (domain, after) = rest.split_once(')').expect("SIGN is closed");
            return format!("{before}{}{after}", self.sign(domain, name));
        }
        line
    }

    /// Equal but for the values that differ from run to run; those that have a name are kept.
    pub(crate) fn matches(&mut self, expected: &Value, actual: &Value) -> bool {
        match (expected, actual) {
            (Value::String(any), _) if any == "*" => !actual.is_null(),
            (Value::String(word), Value::String(key)) if word == "KEY" => *key == self.public_key(),
            (Value::String(word), Value::String(nonce)) if word == "NONCE" => {
                self.known.insert("NONCE", nonce.clone());
                nonce.len() == 64
            }
            (Value::Object(expected), Value::Object(actual)) => {
                expected.len() == actual.len()
                    && expected.iter().all(|(key, value)| {
                        let actual = actual.get(key);
                        actual.is_some_and(|actual| self.matches(value, actual))
                    })
            }
            (Value::Array(expected), Value::Array(actual)) => {
                let mut pairs = expected.iter().zip(actual);
                expected.len() == actual.len()
                    && pairs.all(|(expected, actual)| self.matches(expected, actual))
            }
            _ => expected == actual,
        }
    }
}
