//! What a fault of the connection means for a transfer.

use fleetlink_proto::transfer::{Ended, Failure, Reason};

use super::transport::TransportError;

/// The failure of a transfer whose stream failed so.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err takes")]
pub(super) fn failed(error: TransportError) -> Failure {
    let message = error.to_string();
    match error {
        TransportError::Refused => Failure::Peer(Ended::new(Reason::Busy, message)),
        TransportError::Ended(reason) => Failure::Peer(Ended::new(reason, message)),
        TransportError::Silent | TransportError::Unreachable(_) => {
            Failure::here(Reason::TimedOut, message)
        }
        TransportError::OtherVersion => Failure::here(Reason::ProtocolViolation, message),
        TransportError::Failed(_) => Failure::here(Reason::ConnectionLost, message),
    }
}
