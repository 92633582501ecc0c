//! The key of a device that has logged in by its password.

use std::path::Path;
use std::sync::Arc;

use fleetlink_proto::HubPin;
use fleetlink_proto::control::ErrorCode;

use super::{ClientBuilder, LoggedIn, Notice};
use crate::{Credential, DeviceKeys, KeyPair, Result};

/// The result of an enrolment.
enum Enrolment {
    /// The hub knows this device by this key.
    Done(KeyPair),
    /// The hub knows the name by a key that this device does not have.
    AnotherKey,
    /// A hub of an older version knows no keys.
    Unsupported,
}

impl ClientBuilder {
    /// Gives a device that came by its password a key, where the hub knows none: the next time it
    /// comes by that. Where this does not succeed the device is logged in all the same.
    pub(super) async fn enrol(&self, login: LoggedIn, state: &Path) -> LoggedIn {
        let (Some(hub), Credential::Password(_)) =
            (login.session.pin(), login.dialer.credential.get())
        else {
            return login;
        };
        match try_enrol(&login, hub, state).await {
            Ok(Enrolment::Done(key)) => {
                let is_new = login.enrolled != Some(key.public());
                login.dialer.credential.set(Credential::Key(Arc::new(key)));
                if is_new {
                    let device = login.name.clone();
                    self.tell(&Notice::Enrolled { device });
                }
            }
            Ok(Enrolment::AnotherKey) => self.tell(&Notice::AnotherKey),
            Ok(Enrolment::Unsupported) => {}
            Err(error) => self.tell(&Notice::NotEnrolled(error)),
        }
        login
    }
}

async fn try_enrol(login: &LoggedIn, hub: HubPin, state: &Path) -> Result<Enrolment> {
    let (name, session) = (&login.name, &login.session);
    let keys = DeviceKeys::in_folder(state);
    let enrolled = match login.enrolled {
        Some(enrolled) => match keys.find(hub, name)? {
            // The session came by password: the hub learns that this is the same device.
            Some(own) if own.public() == enrolled => {
                session.enrol_key(name, &own).await.map(|()| own)
            }
            _ => return Ok(Enrolment::AnotherKey),
        },
        None => {
            let enrol = async |key: &KeyPair| session.enrol_key(name, key).await;
            keys.make(hub, name, enrol).await
        }
    };
    match enrolled {
        Ok(key) => Ok(Enrolment::Done(key)),
        Err(error) if error.is_refused_with(ErrorCode::KeyEnrolled) => Ok(Enrolment::AnotherKey),
        Err(error) if error.is_refused_with(ErrorCode::MethodNotFound) => {
            Ok(Enrolment::Unsupported)
        }
        Err(error) => Err(error),
    }
}
