//! Who this device is to its peers, and whether they are who they say.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fleetlink_proto::transfer::limits::CERTIFICATE_LIFETIME;
use fleetlink_proto::transfer::{
    Ended, EndpointCertificate, EndpointId, GrantError, Introduction, Party, Reason,
    SignedCertificate, SignedGrant,
};
use fleetlink_proto::{DeviceName, HubPin, WallTime};
use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey, VerificationAlgorithm};

use crate::KeyPair;

/// This device at its hub, and the endpoint by which peers reach it.
#[derive(Debug)]
pub struct Credentials {
    name: DeviceName,
    key: Arc<KeyPair>,
    endpoint: EndpointId,
    hub: HubPin,
    clock: Mutex<HubClock>,
}

/// The hub's clock as the device last heard it. A device's own can be years off.
#[derive(Debug, Clone, Copy)]
struct HubClock {
    said: WallTime,
    at: Instant,
}

impl Credentials {
    /// A device that has joined its hub, which said that it was `hub_time` just now.
    pub fn new(
        name: DeviceName,
        key: Arc<KeyPair>,
        endpoint: EndpointId,
        hub: HubPin,
        hub_time: WallTime,
    ) -> Self {
        let clock = Mutex::new(HubClock::new(hub_time));
        Credentials {
            name,
            key,
            endpoint,
            hub,
            clock,
        }
    }

    /// The same device, reached by another endpoint.
    #[must_use]
    pub fn at_endpoint(&self, endpoint: EndpointId) -> Self {
        let (name, key, now) = (self.name.clone(), self.key.clone(), self.now());
        Credentials::new(name, key, endpoint, self.hub, now)
    }

    /// The hub says what time it is, at every join.
    pub fn set_hub_time(&self, now: WallTime) {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = HubClock::new(now);
    }

    /// The device as grants name it.
    pub fn party(&self) -> Party {
        Party {
            name: self.name.clone(),
            key: self.key.public(),
            endpoint: self.endpoint,
        }
    }

    /// The device's word for its endpoint, fresh.
    pub fn certificate(&self) -> SignedCertificate {
        let certificate = EndpointCertificate {
            party: self.party(),
            hub: self.hub,
            expires: later(self.now(), CERTIFICATE_LIFETIME),
        };
        let signature = self.key.sign(&certificate.message());
        SignedCertificate {
            certificate,
            signature,
        }
    }

    /// Whether this grant is the hub's, and lets this device send.
    pub(super) fn check_own_grant(&self, grant: &SignedGrant) -> Result<(), Ended> {
        self.check_grant(grant)?;
        same(&grant.grant.from.party, &self.party())
    }

    /// Whether the receiver's certificate is that of the device that the grant names.
    pub(super) fn check_receiver(
        &self,
        grant: &SignedGrant,
        certificate: &SignedCertificate,
    ) -> Result<(), Ended> {
        self.check_certificate(certificate, &grant.grant.to.party)
    }

    /// Who it is that introduces itself from this endpoint.
    pub(super) fn check_sender(
        &self,
        introduction: &Introduction,
        endpoint: EndpointId,
    ) -> Result<DeviceName, Ended> {
        let grant = &introduction.grant;
        self.check_grant(grant)?;
        same(&grant.grant.to.party, &self.party())?;
        let from = &grant.grant.from.party;
        if from.endpoint != endpoint {
            return Err(wrong("the grant", GrantError::OtherParty));
        }
        self.check_certificate(&introduction.certificate, from)?;
        Ok(from.name.clone())
    }

    fn check_grant(&self, signed: &SignedGrant) -> Result<(), Ended> {
        let SignedGrant {
            grant,
            hub_key,
            signature,
        } = signed;
        if digest(&SHA256, hub_key.spki()).as_ref() != self.hub.as_bytes() {
            return Err(wrong("the grant", GrantError::OtherHub));
        }
        let message = grant.message(&self.hub);
        let algorithm = &ECDSA_P256_SHA256_FIXED;
        if !holds(algorithm, hub_key.point(), &message, signature.as_bytes()) {
            return Err(Ended::new(Reason::BadGrant, "the grant is not the hub's"));
        }
        let timely = grant.check_time(self.now());
        timely.map_err(|e| wrong("the grant", e))
    }

    fn check_certificate(&self, signed: &SignedCertificate, party: &Party) -> Result<(), Ended> {
        let SignedCertificate {
            certificate,
            signature,
        } = signed;
        let checked = certificate.check(party, &self.hub, self.now());
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

    fn now(&self) -> WallTime {
        let clock = *self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        later(clock.said, clock.at.elapsed())
    }
}

impl HubClock {
    fn new(said: WallTime) -> Self {
        HubClock {
            said,
            at: Instant::now(),
        }
    }
}

fn later(time: WallTime, by: Duration) -> WallTime {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    WallTime::from_unix_millis(time.unix_millis().saturating_add(by))
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
        GrantError::Expired | GrantError::TooLong | GrantError::OtherHub => Reason::BadGrant,
        GrantError::OtherParty => Reason::WrongPeer,
    };
    Ended::new(reason, format!("{what} cannot be used: {error}"))
}
