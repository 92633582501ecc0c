//! The hub's keys by the library `ring`, for the hub and its clients alike.

use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

use crate::succession::HubKeys;
use crate::{HubKey, HubPin, Signature};

/// Pins and signatures by `ring`.
#[derive(Debug, Clone, Copy)]
pub struct Ring;

impl HubKeys for Ring {
    fn pin(&self, key: &HubKey) -> HubPin {
        pin_of(key.spki())
    }

    fn has_signed(&self, key: &HubKey, message: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.point())
            .verify(message, signature.as_bytes())
            .is_ok()
    }
}

/// The pin of the key with this SubjectPublicKeyInfo.
pub fn pin_of(spki: &[u8]) -> HubPin {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, spki).as_ref());
    HubPin::from_sha256(hash)
}
