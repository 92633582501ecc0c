//! The credentials of this device towards its peers, and the checks of theirs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetlink_proto::ring_keys::{Ring, pin_of};
use fleetlink_proto::succession::{Succession, follow};
use fleetlink_proto::transfer::limits::{CERTIFICATE_LIFETIME, MAX_GRANT_SUCCESSION};
use fleetlink_proto::transfer::{
    Ended, EndpointCertificate, EndpointId, GrantError, GrantedParty, Introduction, Party, Reason,
    SignedCertificate, SignedGrant,
};
use fleetlink_proto::{DeviceName, HubPin, HubRun, HubTime};
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey, VerificationAlgorithm};

use super::acquaintance::{Acquaintances, Doubt, NotRemembered};
use crate::{HubClock, KeyPair, KnownDevices};

/// This device at its hub, and the endpoint by which peers reach it.
#[derive(Debug)]
pub struct Credentials {
    name: DeviceName,
    key: Mutex<Arc<KeyPair>>,
    endpoint: EndpointId,
    hub: Mutex<KnownHub>,
    met: Option<Acquaintances>,
}

/// The hub as the device's session knows it.
#[derive(Debug, Clone)]
struct KnownHub {
    pin: HubPin,
    clock: HubClock,
}

/// The device that introduces itself to send.
#[derive(Debug)]
pub(super) struct Introduced {
    /// The device.
    pub(super) sender: GrantedParty,
    /// The pin of the hub's key by which the two are introduced.
    pub(super) hub: HubPin,
}

impl Credentials {
    /// A device at the hub of this pin, whose clock this is.
    pub fn new(
        name: DeviceName,
        key: Arc<KeyPair>,
        endpoint: EndpointId,
        hub: HubPin,
        clock: HubClock,
    ) -> Self {
        let hub = Mutex::new(KnownHub { pin: hub, clock });
        Credentials {
            name,
            key: Mutex::new(key),
            endpoint,
            hub,
            met: None,
        }
    }

    /// The same device, which knows its peers by the keys that are kept here, and refuses one whose
    /// key has changed. `tell` hears of each one that cannot be remembered.
    #[must_use]
    pub fn remembering(
        self,
        devices: KnownDevices,
        tell: impl Fn(&NotRemembered) + Send + Sync + 'static,
    ) -> Self {
        let met = Some(Acquaintances::new(devices, tell));
        Credentials { met, ..self }
    }

    /// The same device, reached by another endpoint.
    #[must_use]
    pub fn at_endpoint(&self, endpoint: EndpointId) -> Self {
        let (name, key) = (self.name.clone(), self.key());
        let (met, KnownHub { pin, clock }) = (self.met.clone(), self.hub());
        Credentials {
            met,
            ..Credentials::new(name, key, endpoint, pin, clock)
        }
    }

    /// The device has joined anew: its session knows the hub by this key, and follows this clock.
    pub fn set_hub(&self, pin: HubPin, clock: HubClock) {
        *self.lock_hub() = KnownHub { pin, clock };
    }

    /// The device has another key.
    pub(crate) fn set_key(&self, key: Arc<KeyPair>) {
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = key;
    }

    fn key(&self) -> Arc<KeyPair> {
        let key = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&key)
    }

    /// The device as grants name it.
    pub fn party(&self) -> Party {
        Party {
            name: self.name.clone(),
            key: self.key().public(),
            endpoint: self.endpoint,
        }
    }

    /// A fresh certificate of the endpoint for the hub, which looks for the key that it has
    /// shown to this session.
    pub fn certificate(&self) -> SignedCertificate {
        self.certificate_at(self.hub().pin)
    }

    /// The same for a peer: at the key of the hub by which the two are introduced.
    pub(super) fn certificate_at(&self, hub: HubPin) -> SignedCertificate {
        // One key for both, also where it is replaced at this moment.
        let key = self.key();
        let party = Party {
            key: key.public(),
            ..self.party()
        };
        let certificate = EndpointCertificate {
            party,
            hub,
            expires: self.now().later(CERTIFICATE_LIFETIME),
        };
        let signature = key.sign(&certificate.message());
        SignedCertificate {
            certificate,
            signature,
        }
    }

    /// Checks that this grant is the hub's and permits this device to send; returns the pin of the key
    /// that signed it.
    pub(super) fn check_own_grant(&self, grant: &SignedGrant) -> Result<HubPin, Ended> {
        let hub = self.check_grant(grant)?;
        same(&grant.grant.from.party, &self.party())?;
        Ok(hub)
    }

    /// Whether the receiver's certificate is that of the device that the grant names, at this key of
    /// the hub.
    pub(super) fn check_receiver(
        &self,
        grant: &SignedGrant,
        hub: HubPin,
        certificate: &SignedCertificate,
    ) -> Result<(), Ended> {
        self.check_certificate(certificate, &grant.grant.to.party, hub)
    }

    /// Checks the device that introduces itself from this endpoint.
    pub(super) fn check_sender(
        &self,
        introduction: &Introduction,
        endpoint: EndpointId,
    ) -> Result<Introduced, Ended> {
        let grant = &introduction.grant;
        let hub = self.check_grant(grant)?;
        same(&grant.grant.to.party, &self.party())?;
        let from = &grant.grant.from.party;
        if from.endpoint != endpoint {
            return Err(wrong("the grant", GrantError::OtherParty));
        }
        self.check_certificate(&introduction.certificate, from, hub)?;
        let sender = grant.grant.from.clone();
        Ok(Introduced { sender, hub })
    }

    /// Whether the peer is named by the hub as this device knows it, where it does.
    pub(super) async fn check_known(&self, peer: &GrantedParty) -> Result<(), Doubt> {
        match &self.met {
            Some(met) => met.check(&self.name, self.hub().pin, peer).await.map(drop),
            None => Ok(()),
        }
    }

    /// The same of a peer that has proven its key, which this device remembers from here on.
    pub(super) async fn meet(&self, peer: &GrantedParty) -> Result<(), Doubt> {
        match &self.met {
            Some(met) => met.meet(&self.name, self.hub().pin, peer).await,
            None => Ok(()),
        }
    }

    /// The pin of the key by which the grant is signed: the one that the session knows, or one that
    /// it has announced.
    fn check_grant(&self, signed: &SignedGrant) -> Result<HubPin, Ended> {
        let SignedGrant {
            grant,
            hub_key,
            signature,
            succession,
        } = signed;
        let hub = pin_of(hub_key.spki());
        if !leads(self.hub().pin, hub, succession) {
            return Err(wrong("the grant", GrantError::OtherHub));
        }
        let message = grant.message(&hub);
        let algorithm = &ECDSA_P256_SHA256_FIXED;
        if !holds(algorithm, hub_key.point(), &message, signature.as_bytes()) {
            return Err(Ended::new(Reason::BadGrant, "the grant is not the hub's"));
        }
        let timely = grant.check_time(self.now());
        timely.map_err(|e| wrong("the grant", e))?;
        Ok(hub)
    }

    fn check_certificate(
        &self,
        signed: &SignedCertificate,
        party: &Party,
        hub: HubPin,
    ) -> Result<(), Ended> {
        let SignedCertificate {
            certificate,
            signature,
        } = signed;
        let checked = certificate.check(party, &hub, self.now());
        checked.map_err(|e| wrong("the endpoint's certificate", e))?;
        let message = certificate.message();
        if !holds(
            &ED25519,
            party.key.as_bytes(),
            &message,
            signature.as_bytes(),
        ) {
            let message = "the endpoint's certificate is not the device's";
            return Err(Ended::new(Reason::WrongPeer, message));
        }
        Ok(())
    }

    /// By a clock that the hub has not set every time is over.
    fn now(&self) -> HubTime {
        let (run, ms) = (HubRun::default(), u64::MAX);
        let now = self.hub().clock.now();
        now.unwrap_or(HubTime { run, ms })
    }

    fn hub(&self) -> KnownHub {
        self.lock_hub().clone()
    }

    fn lock_hub(&self) -> MutexGuard<'_, KnownHub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether one key of the hub is the other, or has announced it by these statements. They may begin
/// before it, for a peer that knows the hub by an earlier key. Nothing is kept: the session's key is
/// the known one until the device connects anew, so a stolen earlier key leads it nowhere for good.
fn leads(known: HubPin, shown: HubPin, statements: &[Succession]) -> bool {
    if known == shown {
        return true;
    }
    if statements.len() > MAX_GRANT_SUCCESSION {
        return false;
    }
    let is_known = |statement: &Succession| pin_of(statement.old.spki()) == known;
    let first = statements.iter().position(is_known);
    first.is_some_and(|first| follow(&statements[first..], known, shown, &Ring).is_ok())
}

fn holds(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let key = UnparsedPublicKey::new(algorithm, key);
    key.verify(message, signature).is_ok()
}

fn same(named: &Party, own: &Party) -> Result<(), Ended> {
    match named == own {
        true => Ok(()),
        false => Err(wrong("the grant", GrantError::OtherParty)),
    }
}

fn wrong(what: &str, error: GrantError) -> Ended {
    let reason = match error {
        GrantError::Expired | GrantError::OtherRun => Reason::StaleGrant,
        GrantError::TooLong | GrantError::OtherHub => Reason::BadGrant,
        GrantError::OtherParty => Reason::WrongPeer,
    };
    Ended::new(reason, format!("{what} cannot be used: {error}"))
}
