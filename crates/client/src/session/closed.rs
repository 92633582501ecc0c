//! The reason for which a session ended.

use std::io;
use std::time::Duration;

use fleetlink_proto::control::EndReason;
use fleetlink_proto::{Escaped, Retry};

/// The reason for which a session is over.
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

    /// Whether another session can be opened later.
    pub fn retry(&self) -> Retry {
        match self {
            Closed::ByHub { reason, .. } => reason.retry(),
            Closed::Silent(_) | Closed::Lost(_) => Retry::Soon,
            // What broke the protocol once will do so again.
            Closed::Left | Closed::Garbage(_) => Retry::Never,
        }
    }
}
