//! The errors for calls that the table refuses.

use fleetlink_proto::control::{ErrorCode, RpcError};

use crate::access::authorisation::Decision;
use crate::errors::out_of_order;

/// The error for a call that was refused.
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

/// The error for a call whose caller no longer is who it was found to be.
pub(crate) fn proof_gone(method: &str) -> RpcError {
    out_of_order(&format!(
        "{method} comes after a login: the password, key or token that was shown is no longer valid"
    ))
}
