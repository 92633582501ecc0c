//! The meaning of a connection's fault for a transfer.

use fleetlink_proto::transfer::{Ended, Reason, TransferFailure};

use super::transport::TransportError;

/// The failure of a transfer whose stream failed so.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err takes")]
pub(super) fn failed(error: TransportError) -> TransferFailure {
    let message = error.to_string();
    match error {
        TransportError::Refused => TransferFailure::Peer(Ended::new(Reason::Busy, message)),
        TransportError::Ended(reason) => TransferFailure::Peer(Ended::new(reason, message)),
        TransportError::Silent | TransportError::Unreachable(_) => {
            TransferFailure::here(Reason::TimedOut, message)
        }
        TransportError::OtherVersion => TransferFailure::here(Reason::ProtocolViolation, message),
        TransportError::Failed(_) => TransferFailure::here(Reason::ConnectionLost, message),
    }
}
