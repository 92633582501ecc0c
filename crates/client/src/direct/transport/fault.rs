//! The meaning of iroh's errors.

use std::time::Duration;

use fleetlink_proto::transfer::Reason;
use fleetlink_proto::transfer::limits::IDLE_DEADLINE;
use iroh::endpoint::{
    ConnectError, ConnectingError, ConnectionError, TransportErrorCode, VarInt, WriteError,
};

/// The TLS alert of a peer that speaks no protocol which it is offered (RFC 7301, section 3.2).
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// The reason for which bytes went no further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The peer ended it with this code.
    #[error("the peer ended it: {}", .0.name())]
    Ended(Reason),
    /// Nothing came from the peer any more.
    #[error("nothing came from the peer for {} seconds", IDLE_DEADLINE.as_secs())]
    Silent,
    /// The peer has no place for further connections.
    #[error("the device is taking as many connections as it can; try again later")]
    Refused,
    /// The peer did not answer a dial.
    #[error("the device did not answer for {} seconds", .0.as_secs_f32())]
    Unreachable(Duration),
    /// The peer's version of the protocol is another one.
    #[error("the device speaks another version of the transfer protocol: update the older one")]
    OtherVersion,
    /// Another fault of the connection.
    #[error("the connection failed: {0}")]
    Failed(String),
}

pub(super) fn cannot_write(error: WriteError) -> TransportError {
    match error {
        WriteError::Stopped(code) => TransportError::Ended(reason(code)),
        WriteError::ConnectionLost(e) => lost(e),
        e => TransportError::Failed(e.to_string()),
    }
}

/// The reason for which a dial failed. After [`TransportError::Refused`] another one may succeed.
pub(super) fn undialled(error: &ConnectError) -> TransportError {
    let (ConnectError::Connection { source, .. }
    | ConnectError::Connecting {
        source: ConnectingError::ConnectionError { source, .. },
        ..
    }) = error
    else {
        return TransportError::Failed(error.to_string());
    };
    match source {
        ConnectionError::ConnectionClosed(close)
            if close.error_code == TransportErrorCode::CONNECTION_REFUSED =>
        {
            TransportError::Refused
        }
        ConnectionError::ConnectionClosed(close)
            if close.error_code == TransportErrorCode::crypto(NO_APPLICATION_PROTOCOL) =>
        {
            TransportError::OtherVersion
        }
        _ => TransportError::Failed(error.to_string()),
    }
}

pub(super) fn lost(error: ConnectionError) -> TransportError {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            TransportError::Ended(reason(close.error_code))
        }
        ConnectionError::TimedOut => TransportError::Silent,
        e => TransportError::Failed(e.to_string()),
    }
}

pub(super) fn code(reason: Reason) -> VarInt {
    VarInt::from_u32(reason.number())
}

pub(super) fn reason(code: VarInt) -> Reason {
    Reason::from(u32::try_from(code.into_inner()).unwrap_or(u32::MAX))
}
