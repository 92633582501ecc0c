//! The hub's leave for transfers between devices, signed.

use fleetlink_proto::transfer::{Grant, GrantedParty, SignedGrant, TransferId};
use fleetlink_proto::{HubKey, HubPin, HubTime, Signature};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

/// Signs grants with the hub's key.
pub(crate) struct GrantSigner {
    pair: EcdsaKeyPair,
    key: HubKey,
    pin: HubPin,
    random: SystemRandom,
}

impl GrantSigner {
    /// With the private key of this PKCS#8 document, whose public half and pin these are; `None`
    /// where it is of another kind.
    pub(crate) fn new(pkcs8: &[u8], key: HubKey, pin: HubPin) -> Option<Self> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        Some(GrantSigner {
            pair: EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &random).ok()?,
            key,
            pin,
            random,
        })
    }

    /// A grant with a new id; `None` where there is no randomness.
    pub(crate) fn sign(
        &self,
        from: GrantedParty,
        to: GrantedParty,
        expires: HubTime,
    ) -> Option<SignedGrant> {
        let mut id = [0; 16];
        self.random.fill(&mut id).ok()?;
        let grant = Grant {
            id: TransferId::from_bytes(id),
            from,
            to,
            expires,
        };
        let message = grant.message(&self.pin);
        let signature = self.pair.sign(&self.random, &message).ok()?;
        Some(SignedGrant {
            grant,
            hub_key: self.key.clone(),
            signature: Signature::from_bytes(signature.as_ref().try_into().ok()?),
            succession: Vec::new(),
        })
    }
}
