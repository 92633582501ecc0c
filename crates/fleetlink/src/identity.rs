//! This device's key: found before a login, enrolled after the first one.

use std::sync::Arc;

use fleetlink_client::{Credential, DeviceKeys, Error, KeyPair, state_folder};
use fleetlink_proto::control::{ErrorCode, RpcError};
use fleetlink_proto::{DeviceName, HubPin};

use crate::failure::Failure;
use crate::login::Welcome;
use crate::output::Output;

/// The key that this device has for the hub of this pin; without TLS there is none.
pub(crate) fn key_for(
    hub: Option<HubPin>,
    device: &DeviceName,
) -> Result<Option<KeyPair>, Failure> {
    match hub {
        Some(pin) => Ok(DeviceKeys::in_folder(state_folder()?).find(pin, device)?),
        None => Ok(None),
    }
}

/// Sets apart from other failures that the hub did not take a key.
pub(crate) fn unless_refused<T>(
    attached: Result<T, Error>,
) -> Result<Result<T, RpcError>, Failure> {
    match attached {
        Ok(attached) => Ok(Ok(attached)),
        Err(error) => match error.refusal() {
            Some(refused) if refused.code == ErrorCode::KeyRefused => Ok(Err(refused.clone())),
            _ => Err(error.into()),
        },
    }
}

/// Gives a device that came by password a key, where the hub knows none: next time it comes by that.
/// Where this does not succeed the device is joined all the same.
pub(crate) async fn enrol(welcome: &mut Welcome, hub: Option<HubPin>, output: &Output) {
    let (Some(hub), Credential::Password(_)) = (hub, &welcome.dialer.credential) else {
        return;
    };
    match try_enrol(welcome, hub).await {
        Ok(Some(key)) => {
            let is_new = welcome.enrolled != Some(key.public());
            welcome.dialer.credential = Credential::Key(Arc::new(key));
            let name = &welcome.name;
            if is_new {
                output.notice(&format!(
                    "this device now has a key: with --device {name} no password is needed any more"
                ));
            }
        }
        Ok(None) => {}
        Err(Failure::Hub(error)) if error.code == ErrorCode::KeyEnrolled => {
            output.notice(ANOTHER_KEY);
        }
        Err(error) => output.notice(&format!("this device could not be enrolled: {error}")),
    }
}

const ANOTHER_KEY: &str =
    "the hub knows this name by another key; to make it this device's: fleetlink key replace";

async fn try_enrol(welcome: &Welcome, hub: HubPin) -> Result<Option<KeyPair>, Failure> {
    let (name, session) = (&welcome.name, &welcome.session);
    let keys = DeviceKeys::in_folder(state_folder()?);
    if let Some(enrolled) = welcome.enrolled {
        return match keys.find(hub, name)? {
            // The session came by password: the hub learns that this is the same device.
            Some(own) if own.public() == enrolled => {
                session.enrol_key(name, &own).await?;
                Ok(Some(own))
            }
            _ => Err(Failure::Hub(RpcError::new(
                ErrorCode::KeyEnrolled,
                ANOTHER_KEY,
            ))),
        };
    }
    let enrol = async |key: &KeyPair| session.enrol_key(name, key).await.map_err(Failure::from);
    match keys.make(hub, name, enrol).await {
        Ok(key) => Ok(Some(key)),
        // A hub of an older version knows no keys.
        Err(Failure::Hub(error)) if error.code == ErrorCode::MethodNotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes this device a new key, and has the hub take it instead of the one that it knows.
pub(crate) async fn replace(
    session: &fleetlink_client::Session,
    hub: HubPin,
    device: &DeviceName,
) -> Result<KeyPair, Failure> {
    let replace = async |key: &KeyPair| {
        let replaced: Result<(), Error> = session.replace_key(device, key).await;
        replaced.map_err(Failure::from)
    };
    let keys = DeviceKeys::in_folder(state_folder()?);
    keys.make(hub, device, replace).await
}
