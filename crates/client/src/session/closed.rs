//! Why a session ended, and why a call failed.

use std::io;
use std::time::Duration;

use fleetlink_proto::Escaped;
use fleetlink_proto::control::{EndReason, RpcError};

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// The hub ended it.
    #[error("{}", Escaped(.message))]
    ByHub {
        /// Why.
        reason: EndReason,
        /// The same for people.
        message: String,
    },
    /// This side left.
    #[error("this device has left")]
    Left,
    /// Nothing was heard from the hub for two keep-alives.
    #[error("the hub has been silent for {:.1} seconds", .0.as_secs_f64())]
    Silent(Duration),
    /// The connection broke.
    #[error("the connection to the hub was lost: {0}")]
    Lost(String),
    /// The hub sent what is not the protocol.
    #[error("the hub does not keep to the protocol: {}", Escaped(.0))]
    Garbage(String),
}

impl Closed {
    /// The connection broke with this error.
    pub(super) fn lost(error: &io::Error) -> Self {
        Closed::Lost(match error.kind() {
            // A hub that was killed says no goodbye, which TLS explains at length.
            io::ErrorKind::UnexpectedEof => "it was closed without a goodbye".to_owned(),
            _ => error.to_string(),
        })
    }

    /// Whether the device may come back by itself.
    pub fn may_return(&self) -> bool {
        !matches!(
            self,
            // What broke the protocol once will do so again.
            Closed::Left
                | Closed::Garbage(_)
                | Closed::ByHub {
                    reason: EndReason::Replaced
                        | EndReason::AccountRemoved
                        | EndReason::LoginRemoved
                        | EndReason::PasswordChanged
                        | EndReason::KeyRevoked
                        | EndReason::EndedByOperator
                        | EndReason::Protocol,
                    ..
                }
        )
    }
}

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The hub answered with an error.
    #[error("{}", Escaped(&.0.message))]
    Refused(RpcError),
    /// The session ended before the answer came; the call may have been done.
    #[error("{0}")]
    Closed(Closed),
    /// The answer did not come in time; the call may have been done.
    #[error("the hub did not answer {method} within {} seconds", .limit.as_secs())]
    TimedOut {
        /// What was called.
        method: &'static str,
        /// The deadline.
        limit: Duration,
    },
    /// Without TLS there is nothing that a proof could be tied to.
    #[error("a key is proved over TLS alone")]
    NoChannel,
    /// The answer has not the form that the call's answer has.
    #[error("the hub's answer makes no sense: {}", Escaped(.0))]
    Unexpected(String),
}
