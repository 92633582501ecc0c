//! The words in which a device is told that it may not join, or that another session has its place.

use fleetlink_proto::control::{ActiveDevice, ErrorCode, RpcError};

use crate::access::authorisation::Means;
use crate::presence::holding::Joiner;

/// For the earlier connection of a session that has come back by another one.
pub(crate) const CAME_BACK: &str = "this session has come back by another connection";

/// Who has taken over, for those who had the name before.
pub(crate) fn joined_elsewhere(by: Joiner) -> String {
    let means = match by.means {
        Means::Password => "password",
        Means::Key => "key",
    };
    let address = by.address;
    format!("the same name joined from elsewhere: from {address}, with the device's {means}")
}

pub(crate) fn replaced(by: Joiner) -> RpcError {
    RpcError::new(ErrorCode::Replaced, joined_elsewhere(by))
}

pub(crate) fn active_elsewhere(active: &ActiveDevice) -> RpcError {
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
