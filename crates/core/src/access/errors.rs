//! How a device is told that the table refuses its call.

use fleetlink_proto::control::{ErrorCode, RpcError};

use crate::access::authorisation::Decision;
use crate::errors::out_of_order;

/// What a caller is told of a decision against its call.
pub(crate) fn not_permitted(decision: Decision, method: &str) -> RpcError {
    match decision {
        Decision::LoginNeeded => out_of_order(&format!("{method} comes after a login")),
        Decision::PasswordNeeded => RpcError::new(
            ErrorCode::NotAllowed,
            format!("{method} is only for a session that logged in with the present password"),
        ),
        Decision::Forbidden | Decision::Permitted => RpcError::new(
            ErrorCode::NotAllowed,
            format!("{method} is not for this session"),
        ),
    }
}
