//! The sentences in which errors reach the operator.

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{ErrorCode, RpcError};

use crate::caller::Caller;
use crate::store::calls::StoreError;

/// The reason why an operator's or administrator's request was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AdminError {
    /// For programs.
    pub kind: AdminErrorKind,
    /// A sentence for the operator.
    pub message: String,
}

/// The kind of such a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminErrorKind {
    /// The caller is nobody any more.
    NotAdmitted,
    /// The table does not permit it.
    Forbidden,
    /// There is nothing of this name or number.
    NotFound,
    /// The request asks for what cannot be.
    Invalid,
    /// It does not fit what is there.
    Refused,
    /// The hub is at a limit, or ends: the same request may be done later.
    Busy,
    /// The store did not do it.
    Unavailable,
    /// The store may have done it.
    Unknown,
}

impl AdminError {
    pub(crate) fn new(kind: AdminErrorKind, message: impl Into<String>) -> Self {
        AdminError {
            kind,
            message: message.into(),
        }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        AdminError::new(AdminErrorKind::NotFound, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        AdminError::new(AdminErrorKind::Invalid, message)
    }

    pub(crate) fn busy(message: impl Into<String>) -> Self {
        AdminError::new(AdminErrorKind::Busy, message)
    }
}

impl From<&StoreError> for AdminErrorKind {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Conflict(_) | StoreError::Quota(_) => AdminErrorKind::Refused,
            StoreError::NotFound => AdminErrorKind::NotFound,
            StoreError::Unavailable(_) | StoreError::Full | StoreError::Corrupt(_) => {
                AdminErrorKind::Unavailable
            }
            StoreError::Unknown(_) => AdminErrorKind::Unknown,
        }
    }
}

impl From<&RpcError> for AdminError {
    fn from(error: &RpcError) -> Self {
        let kind = match error.code {
            ErrorCode::NoSuchFile | ErrorCode::NoSuchTicket => AdminErrorKind::NotFound,
            ErrorCode::Busy | ErrorCode::Closing => AdminErrorKind::Busy,
            ErrorCode::NotAllowed => AdminErrorKind::Forbidden,
            // Only a login can be missing before it.
            ErrorCode::OutOfOrder => AdminErrorKind::NotAdmitted,
            ErrorCode::StoreUnavailable | ErrorCode::StoreFull | ErrorCode::Corrupt => {
                AdminErrorKind::Unavailable
            }
            ErrorCode::OutcomeUnknown => AdminErrorKind::Unknown,
            _ => AdminErrorKind::Refused,
        };
        AdminError::new(kind, error.message.clone())
    }
}

impl From<RpcError> for AdminError {
    fn from(error: RpcError) -> Self {
        AdminError::from(&error)
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        AdminError::new(AdminErrorKind::from(&error), error.to_string())
    }
}

pub(crate) fn no_account(name: &DeviceName) -> String {
    format!("there is no account {name}")
}

/// The sentence for a caller whose request the table refuses.
pub(crate) fn not_for(caller: &Caller) -> String {
    let caller = match caller {
        Caller::Nobody => "for callers without a login",
        Caller::Device { .. } => "for devices",
        Caller::Operator => "for the operator",
        Caller::Administrator(_) => "for administrators",
        Caller::Viewer(_) => "for viewers",
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
