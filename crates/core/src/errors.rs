//! The words in which errors reach a device.

use fleetlink_proto::control::limits::{MAX_QUEUED_OPERATIONS, MAX_WAITING_LOGINS_PER_NAME};
use fleetlink_proto::control::{ErrorCode, RpcError};
use fleetlink_proto::samples::Operation;
use fleetlink_proto::{DataFile, DeviceName};

use crate::store::calls::StoreError;

pub(crate) const CLOSING: &str = "the hub is closing";
pub(crate) const WRONG_PASSWORD: &str = "Invalid Password. Please try again";
pub(crate) const NOW_LOCKED_OUT: &str =
    "Invalid Password. Your account has been blocked. Please try again later";
pub(crate) const LOCKED_OUT: &str =
    "Your account is blocked due to multiple authentication failures. Please try again later";

pub(crate) const PENALISED: &str = "Too many logins from this address have failed under different names. Passwords from it are \
     refused for a while; please try again later";

pub(crate) const NAME_PENALISED: &str = "Too many wrong passwords of this name have come from this address, which may not try \
     it for a while; please try again later";

/// The error for a device whose command the store did not do. The store's own words may contain
/// paths and the like, so they stay at the hub. Only a conflict's words are for the device.
pub fn of_store(error: StoreError, no_file: &str) -> RpcError {
    let (code, message) = match error {
        StoreError::Conflict(why) => return RpcError::new(ErrorCode::Conflict, why),
        StoreError::Quota(why) => return RpcError::new(ErrorCode::QuotaReached, why),
        StoreError::NotFound => (ErrorCode::NoSuchFile, no_file),
        StoreError::Unavailable(_) => (
            ErrorCode::StoreUnavailable,
            "the hub's store is not available; nothing was changed",
        ),
        StoreError::Unknown(_) => (
            ErrorCode::OutcomeUnknown,
            "the hub's store may or may not have done it; ask again with the same key",
        ),
        StoreError::Full => (
            ErrorCode::StoreFull,
            "the hub's disk is full; nothing was changed",
        ),
        StoreError::Corrupt(_) => (
            ErrorCode::Corrupt,
            "what the hub has stored is damaged; it is not used",
        ),
    };
    RpcError::new(code, message)
}

/// The same where the store did not say how an account is.
pub(crate) fn of_read(error: &StoreError) -> RpcError {
    match error {
        StoreError::Corrupt(_) => of_store(error.clone(), ""),
        _ => of_store(StoreError::Unavailable(String::new()), ""),
    }
}

pub(crate) fn no_samples(file: &DataFile, operation: Operation) -> String {
    format!("the file with ID of {file} has no samples, so {operation} has no result on it")
}

pub(crate) fn out_of_order(message: &str) -> RpcError {
    RpcError::new(ErrorCode::OutOfOrder, message)
}

pub(crate) fn busy(message: impl Into<String>) -> RpcError {
    RpcError::new(ErrorCode::Busy, message)
}

pub(crate) fn too_many_operations() -> RpcError {
    busy(format!(
        "{MAX_QUEUED_OPERATIONS} operations of this device wait already; try again later"
    ))
}

pub(crate) fn too_many_logins() -> RpcError {
    busy(format!(
        "{MAX_WAITING_LOGINS_PER_NAME} logins under this name wait already; try again later"
    ))
}

pub(crate) fn too_many_sessions(name: &DeviceName, most: usize) -> RpcError {
    busy(format!(
        "{name} has {most} sessions open, as many as a device may have at this hub; end one of \
         them, or try again later"
    ))
}

pub(crate) fn key_refused() -> RpcError {
    RpcError::new(
        ErrorCode::KeyRefused,
        "the hub does not know this device by this key",
    )
}

pub(crate) fn stale_nonce() -> RpcError {
    let message = "this nonce is not of this connection, was used, or is too old: ask for another \
                   one by login.nonce";
    RpcError::new(ErrorCode::StaleNonce, message)
}

pub(crate) fn key_not_shown() -> RpcError {
    let message = "the signature does not show that the key is this device's own";
    RpcError::new(ErrorCode::KeyRefused, message)
}

pub(crate) fn no_channel() -> RpcError {
    RpcError::new(
        ErrorCode::NoChannel,
        "a key is proved over TLS alone: without it a signature could be passed on",
    )
}

/// `alike` is active, and is called so but for the case of letters.
pub(crate) fn offline(name: &DeviceName, alike: Option<&DeviceName>) -> RpcError {
    let mut message = format!("{name} is offline");
    if let Some(alike) = alike {
        message = format!("{message}, but {alike} is active: names are case-sensitive");
    }
    RpcError::new(ErrorCode::Offline, message)
}

pub(crate) fn no_endpoint(name: &DeviceName) -> RpcError {
    let message = format!("{name} has not said where it takes files");
    RpcError::new(ErrorCode::NoEndpoint, message)
}

pub(crate) fn no_address(name: &DeviceName) -> RpcError {
    let message = format!(
        "{name} has joined on the hub's own host and has not said at which address others reach it"
    );
    RpcError::new(ErrorCode::NoEndpoint, message)
}

pub(crate) fn bad_certificate() -> RpcError {
    RpcError::new(
        ErrorCode::BadCertificate,
        "the endpoint's certificate is not of this device at this hub, or not signed by its key",
    )
}

pub(crate) fn no_such_transfer() -> RpcError {
    RpcError::new(
        ErrorCode::NoSuchTransfer,
        "this session has no such upload or download open",
    )
}

/// The store answered something that does not belong to the question.
pub(crate) fn internal() -> RpcError {
    RpcError::new(
        ErrorCode::Internal,
        "the hub's store gave a result of another kind",
    )
}
