//! The hash that a session has agreed on, computed while the bytes of uploads and downloads pass.

use fleetlink_proto::{ContentHash, HashAlgorithm};
use ring::digest::{Context, SHA256};

/// A hash of bytes that pass. Each state is in a box: it is large.
pub(crate) enum Hashing {
    Blake3(Box<blake3::Hasher>),
    Sha256(Box<Context>),
}

impl Hashing {
    pub(crate) fn new(algorithm: HashAlgorithm) -> Self {
        match algorithm {
            HashAlgorithm::Blake3 => Hashing::Blake3(Box::default()),
            HashAlgorithm::Sha256 => Hashing::Sha256(Box::new(Context::new(&SHA256))),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Hashing::Blake3(hasher) => _ = hasher.update(bytes),
            Hashing::Sha256(context) => context.update(bytes),
        }
    }

    /// The hash of the bytes that have passed; more may follow.
    pub(crate) fn hash(&self) -> ContentHash {
        match self {
            Hashing::Blake3(hasher) => hasher.finalize().into(),
            Hashing::Sha256(context) => {
                let digest = Context::clone(context).finish();
                let mut bytes = [0; 32];
                bytes.copy_from_slice(digest.as_ref());
                ContentHash::from_bytes(bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_their_specifications() {
        // The BLAKE3 test vectors, and FIPS 180-4 by way of NIST's example of "abc".
        for (algorithm, empty, abc) in [
            (
                HashAlgorithm::Blake3,
                "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
                "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
            ),
            (
                HashAlgorithm::Sha256,
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
        ] {
            let mut hashing = Hashing::new(algorithm);
            assert_eq!(hashing.hash().to_string(), empty);
            hashing.update(b"a");
            hashing.update(b"bc");
            assert_eq!(hashing.hash().to_string(), abc);
        }
    }
}
