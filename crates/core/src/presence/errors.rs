//! The words in which a device is told that it may not join, or that another session has its place.

use fleetlink_proto::control::{ActiveDevice, ErrorCode, RpcError};

use crate::caller::Means;
use crate::presence::holding::Joiner;
use crate::presence::list::Refusal;

/// For the earlier connection of a session that has come back by another one.
pub(crate) const CAME_BACK: &str = "this session has come back by another connection";

/// The message for replaced sessions that names the new holder.
pub(crate) fn joined_elsewhere(by: Joiner) -> String {
    let means = match by.means {
        Means::Password => "password",
        Means::Key => "key",
        Means::Token => "token",
    };
    let address = by.address;
    format!("the same name joined from elsewhere: from {address}, with the device's {means}")
}

/// The error for a session that may not join.
pub(crate) fn refused(refusal: Refusal) -> RpcError {
    match refusal {
        Refusal::Replaced(by) => replaced(by),
        Refusal::ActiveElsewhere(active) => active_elsewhere(&active),
    }
}

fn replaced(by: Joiner) -> RpcError {
    RpcError::new(ErrorCode::Replaced, joined_elsewhere(by))
}

fn active_elsewhere(active: &ActiveDevice) -> RpcError {
    let ActiveDevice {
        name,
        address,
        since,
        ..
    } = active;
    RpcError::new(
        ErrorCode::ActiveElsewhere,
        format!("{name} is active elsewhere: from {address}, since {since}"),
    )
}
