//! The part of a hub that two devices need for a transfer: a key of its own that signs a grant.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use fleetlink_client::{
    internals::{Credentials, HubClock},
    kept::DeviceKeys,
    transfer::Endpoint,
};
use fleetlink_proto::transfer::limits::GRANT_LIFETIME;
use fleetlink_proto::transfer::{Grant, GrantedParty, Party, SignedGrant, TransferId};
use fleetlink_proto::{HubKey, HubPin, HubRun, HubTime, Signature};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

use crate::BenchResult;

/// The start of the SubjectPublicKeyInfo of an ECDSA P-256 key, up to the point (RFC 5480).
const SPKI: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\
                      \x3d\x03\x01\x07\x03\x42\x00";
const KEY_FILE: &str = "hub.pk8";

/// A hub that only signs. Both devices' processes have its key from the same folder.
pub(crate) struct Hub {
    pair: EcdsaKeyPair,
    key: HubKey,
}

impl Hub {
    /// Leaves a new key in `folder`.
    pub(crate) fn make(folder: &Path) -> BenchResult {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new());
        let document = document.map_err(|e| e.to_string())?;
        Ok(fs::write(folder.join(KEY_FILE), document)?)
    }

    /// With the key in `folder`.
    pub(crate) fn open(folder: &Path) -> BenchResult<Self> {
        let document = fs::read(folder.join(KEY_FILE))?;
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &document, &SystemRandom::new());
        let pair = pair.map_err(|e| e.to_string())?;
        let key = HubKey::from_spki(&[SPKI, pair.public_key().as_ref()].concat())?;
        Ok(Hub { pair, key })
    }

    /// A device that it knows, reached by this endpoint; its key is below `folder`.
    pub(crate) async fn device(
        &self,
        folder: &Path,
        name: &str,
        endpoint: &Endpoint,
    ) -> BenchResult<Credentials> {
        let (name, pin) = (name.parse()?, self.pin()?);
        let keys = DeviceKeys::in_folder(folder);
        let key = keys.make(pin, &name, async |_| BenchResult::Ok(())).await?;
        let key = Arc::new(key);
        Ok(Credentials::new(
            name,
            key,
            endpoint.id(),
            pin,
            HubClock::at(now()?),
        ))
    }

    /// Its leave for one device to send to another.
    pub(crate) fn grant(&self, from: Party, to: Party) -> BenchResult<SignedGrant> {
        let enrolled = |party| GrantedParty {
            party,
            enrolled: true,
        };
        let grant = Grant {
            id: TransferId::from_bytes([1; 16]),
            from: enrolled(from),
            to: enrolled(to),
            // The receiver's clock may show a little less.
            expires: now()?.later(GRANT_LIFETIME / 2),
        };
        let message = grant.message(&self.pin()?);
        let signature = self.pair.sign(&SystemRandom::new(), &message);
        let signature = signature.map_err(|e| e.to_string())?;
        Ok(SignedGrant {
            grant,
            hub_key: self.key.clone(),
            signature: Signature::from_bytes(signature.as_ref().try_into()?),
            succession: Vec::new(),
        })
    }

    fn pin(&self) -> BenchResult<HubPin> {
        let hash = ring::digest::digest(&ring::digest::SHA256, self.key.spki());
        Ok(HubPin::from_sha256(hash.as_ref().try_into()?))
    }
}

/// Both processes read the same clock, which no hub has: the civil one.
fn now() -> BenchResult<HubTime> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let ms = u64::try_from(now.as_millis())?;
    let run = HubRun::default();
    Ok(HubTime { run, ms })
}
