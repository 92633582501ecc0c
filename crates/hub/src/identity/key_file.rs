//! The key file: the private key as PEM, and behind it a line for each statement that leads from
//! earlier keys to this one. Both are in one file, which a rename replaces at once: so there is no
//! moment at which the key and its statements disagree, and a backup of the one has the other.

use std::fs;
use std::path::{Path, PathBuf};

use fleetlink_proto::control::limits::MAX_SUCCESSION;
use fleetlink_proto::ring_keys::{Ring, pin_of};
use fleetlink_proto::succession::{self, Succession};
use fleetlink_proto::{HubKey, HubPin, Signature, WallTime, signed};
use rcgen::{KeyPair, PublicKeyData};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use super::error::IdentityError;
use crate::grants::GrantSigner;
use crate::whole_file::{self, Lasting, Readers};

/// The beginning of a line with a statement; who reads PEM passes over it (RFC 7468, section 2).
const STATEMENT: &str = "succession ";

/// A hub's key, and how it came from earlier ones.
pub(super) struct KeyFile {
    path: PathBuf,
    pair: KeyPair,
    succession: Vec<Succession>,
}

impl KeyFile {
    /// The contents of the file; what a write that was cut off has left is removed.
    pub(super) fn load(path: &Path) -> Result<Self, IdentityError> {
        let key = KeyFile::read(path)?;
        whole_file::remove_left_over(path).map_err(|e| IdentityError::io(path, e))?;
        Ok(key)
    }

    /// The contents of the file.
    pub(super) fn read(path: &Path) -> Result<Self, IdentityError> {
        let text = fs::read_to_string(path).map_err(|e| IdentityError::io(path, e))?;
        let pair = KeyPair::from_pem(&text).map_err(|e| IdentityError::Key {
            path: path.display().to_string(),
            reason: e.to_string(),
        })?;
        let wrong = |reason: String| IdentityError::Succession {
            path: path.display().to_string(),
            reason,
        };
        let statements = text.lines().filter_map(|line| line.strip_prefix(STATEMENT));
        let succession: Vec<Succession> = statements
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .map_err(|e| wrong(e.to_string()))?;
        if let Some(first) = succession.first() {
            let (from, to) = (pin_of(first.old.spki()), pin_of_pair(&pair));
            succession::follow(&succession, from, to, &Ring).map_err(|e| wrong(e.to_string()))?;
        }
        Ok(KeyFile {
            path: path.to_owned(),
            pair,
            succession,
        })
    }

    /// Reads the file, or makes it where there is none.
    pub(super) fn load_or_create(path: &Path) -> Result<Self, IdentityError> {
        match KeyFile::load(path) {
            Err(IdentityError::Missing(_)) => {
                let file = KeyFile {
                    path: path.to_owned(),
                    pair: new_pair()?,
                    succession: Vec::new(),
                };
                file.keep()?;
                Ok(file)
            }
            loaded => loaded,
        }
    }

    /// A new key, with the statement by this one that names it. Not kept yet.
    pub(super) fn successor(&self, now: WallTime) -> Result<Self, IdentityError> {
        let pair = new_pair()?;
        let (old, new) = (self.public()?, public_of(&self.path, &pair)?);
        let message = signed::succession(self.pin(), &new, now);
        let signature = sign(&self.pair, &message)?;
        let mut succession = self.succession.clone();
        succession.push(Succession {
            old,
            new,
            at: now,
            signature,
        });
        let forgotten = succession.len().saturating_sub(MAX_SUCCESSION);
        succession.drain(..forgotten);
        Ok(KeyFile {
            path: self.path.clone(),
            pair,
            succession,
        })
    }

    /// Makes the file hold this. What it held before, a private key, is gone with its name: its
    /// bytes are not overwritten first, because a journal, a copying file system or a disk's own
    /// remapping would keep them elsewhere all the same.
    pub(super) fn keep(&self) -> Result<(), IdentityError> {
        let mut text = zeroize::Zeroizing::new(self.pair.serialize_pem());
        for statement in &self.succession {
            let line = serde_json::to_string(statement)
                .map_err(|e| IdentityError::Certificate(e.to_string()))?;
            text.push_str(&format!("{STATEMENT}{line}\n"));
        }
        whole_file::replace(&self.path, text.as_bytes(), Readers::Hub, Lasting::Always).map_err(
            |source| IdentityError::Io {
                path: self.path.display().to_string(),
                source,
            },
        )
    }

    pub(super) fn pair(&self) -> &KeyPair {
        &self.pair
    }

    pub(super) fn pin(&self) -> HubPin {
        pin_of_pair(&self.pair)
    }

    pub(super) fn succession(&self) -> &[Succession] {
        &self.succession
    }

    /// Signs transfer grants with the hub's key, which the devices know.
    pub(super) fn grant_signer(&self) -> Result<GrantSigner, IdentityError> {
        let signer = GrantSigner::new(self.pair.serialized_der(), self.public()?, self.pin());
        signer.ok_or_else(|| IdentityError::Key {
            path: self.path.display().to_string(),
            reason: "it is no ECDSA P-256 key".to_owned(),
        })
    }

    fn public(&self) -> Result<HubKey, IdentityError> {
        public_of(&self.path, &self.pair)
    }
}

fn new_pair() -> Result<KeyPair, IdentityError> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
        .map_err(|e| IdentityError::Certificate(e.to_string()))
}

/// A key that somebody else made and put there can be of another kind.
fn public_of(path: &Path, pair: &KeyPair) -> Result<HubKey, IdentityError> {
    HubKey::from_spki(&pair.subject_public_key_info()).map_err(|e| IdentityError::Key {
        path: path.display().to_string(),
        reason: e.to_string(),
    })
}

fn sign(pair: &KeyPair, message: &[u8]) -> Result<Signature, IdentityError> {
    let failed = |e: &dyn std::fmt::Display| IdentityError::Certificate(e.to_string());
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pair.serialized_der(), &random)
        .map_err(|e| failed(&e))?;
    let signature = pair.sign(&random, message).map_err(|e| failed(&e))?;
    let bytes = signature.as_ref().try_into().map_err(|e| failed(&e))?;
    Ok(Signature::from_bytes(bytes))
}

fn pin_of_pair(pair: &KeyPair) -> HubPin {
    pin_of(&pair.subject_public_key_info())
}
