//! How the table's decision against a call is told.

use fleetlink_proto::control::{ErrorCode, RpcError};

use crate::access::authorisation::Decision;
use crate::errors::out_of_order;

/// What a decision against a device's call is told as.
pub(crate) fn not_allowed(decision: Decision, method: &str) -> RpcError {
    match decision {
        Decision::LoginNeeded => out_of_order(&format!("{method} comes after a login")),
        Decision::PasswordNeeded => RpcError::new(
            ErrorCode::NotAllowed,
            format!("{method} is only for a session that logged in with the present password"),
        ),
        Decision::Forbidden | Decision::Allowed => RpcError::new(
            ErrorCode::NotAllowed,
            format!("{method} is not for this session"),
        ),
    }
}
