//! The sentences in which errors reach the operator.

use fleetlink_proto::DeviceName;

use crate::caller::Caller;
use crate::store::calls::StoreError;

pub(crate) fn no_account(name: &DeviceName) -> String {
    format!("there is no account {name}")
}

/// The sentence for a caller whose request the table refuses.
pub(crate) fn not_for(caller: &Caller) -> String {
    let caller = match caller {
        Caller::Nobody => "for callers without a login",
        Caller::Device { .. } => "for devices",
        Caller::Operator => "for the operator",
        Caller::Administrator => "for administrators",
        Caller::Viewer => "for viewers",
    };
    format!("this is not {caller}")
}

pub(crate) fn too_many_operations(name: &DeviceName) -> String {
    format!("too many operations of {name} are waiting; try again later")
}

/// The sentence for the operator about an error of the store: the whole error, because it is the
/// operator's own store.
pub(crate) fn sentence(name: &DeviceName, error: &StoreError) -> String {
    match error {
        StoreError::NotFound => no_account(name),
        error => format!("account {name}: {error}"),
    }
}
