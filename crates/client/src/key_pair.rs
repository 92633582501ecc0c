//! A device's own key: Ed25519 (RFC 8032).

use std::fmt;

use fleetlink_proto::{DeviceKey, Signature};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

/// The bytes before the 32 of an Ed25519 private key in PKCS#8 (RFC 8410, section 10.3).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const PKCS8_BYTES: usize = PKCS8_PREFIX.len() + 32;

/// The private key of a device, which never leaves it, and the public one by which hubs know it.
pub struct KeyPair {
    pair: Ed25519KeyPair,
    public: DeviceKey,
}

impl KeyPair {
    /// A new key, as PKCS#8: made here and not by ring, which would leave a copy in memory.
    pub(crate) fn generate() -> Zeroizing<[u8; PKCS8_BYTES]> {
        let mut document = Zeroizing::new([0; PKCS8_BYTES]);
        let (prefix, seed) = document.split_at_mut(PKCS8_PREFIX.len());
        prefix.copy_from_slice(&PKCS8_PREFIX);
        getrandom::fill(seed).expect("the operating system gives random bytes");
        document
    }

    /// The key of this PKCS#8 document; `None` where it holds none.
    pub(crate) fn from_pkcs8(document: &[u8]) -> Option<Self> {
        // Without the public key inside there is none that it could be checked against.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(document).ok()?;
        let public = DeviceKey::from_bytes(pair.public_key().as_ref().try_into().ok()?);
        Some(KeyPair { pair, public })
    }

    /// A new key that is kept nowhere: for a device that is known by a password alone.
    ///
    /// # Panics
    /// Where the operating system has no randomness to give.
    pub fn unkept() -> Self {
        KeyPair::from_pkcs8(&*KeyPair::generate()).expect("a document made here holds a key")
    }

    /// The public key, by which hubs know the device.
    pub fn public(&self) -> DeviceKey {
        self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Signature {
        let signature = self.pair.sign(message);
        let bytes = signature.as_ref().try_into();
        Signature::from_bytes(bytes.expect("an Ed25519 signature has 64 bytes"))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_shows_its_private_half() {
        let document = KeyPair::generate();
        let pair = KeyPair::from_pkcs8(&*document).unwrap();
        assert_eq!(format!("{pair:?}"), format!("KeyPair({})", pair.public()));
        assert!(KeyPair::from_pkcs8(&document[1..]).is_none());
    }
}
