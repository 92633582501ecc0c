//! The sentences in which errors reach the operator.

use fleetlink_proto::DeviceName;

use crate::store::calls::StoreError;

pub(crate) fn no_account(name: &DeviceName) -> String {
    format!("there is no account {name}")
}

/// What the operator is told of an error of the store: all of it, it is the operator's own.
pub(crate) fn sentence(name: &DeviceName, error: &StoreError) -> String {
    match error {
        StoreError::NotFound => no_account(name),
        error => format!("account {name}: {error}"),
    }
}
