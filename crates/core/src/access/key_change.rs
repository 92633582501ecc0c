//! A change of a device's key: who asked for it, and the store's part of it.

use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::{DeviceKey, DeviceName, WallTime};

use crate::store::calls::{Change, StoreCall};

/// A change of a device's key, queued behind what the device asked for before.
#[derive(Debug)]
pub(crate) enum KeyChange {
    Set { key: DeviceKey, replace: bool },
    Revoke,
}

impl KeyChange {
    /// Gives a key to a device that has none.
    pub(crate) fn enrol(key: DeviceKey) -> Self {
        KeyChange::Set {
            key,
            replace: false,
        }
    }

    /// Gives a key to a device, instead of one that it may have.
    pub(crate) fn replace(key: DeviceKey) -> Self {
        KeyChange::Set { key, replace: true }
    }

    pub(crate) fn store_call(&self, name: &DeviceName, at: WallTime) -> StoreCall {
        let name = name.clone();
        match *self {
            KeyChange::Set { key, replace } => StoreCall::Change(Change::SetKey {
                name,
                key: EnrolledKey { key, enrolled: at },
                replace,
            }),
            KeyChange::Revoke => StoreCall::Change(Change::RemoveKey { name }),
        }
    }
}
