//! The error of a command, and its exit code for programs.

mod causes;
mod codes;

use std::io;

use fleetlink_client::Closed;
use fleetlink_proto::Escaped;
use fleetlink_proto::control::{ErrorCode, RpcError};
use fleetlink_proto::transfer;

pub(crate) use codes::EXIT_CODES;

/// The error of a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Anything without a code of its own.
    #[error("{0}")]
    General(String),
    /// The arguments are wrong.
    #[error("{0}")]
    Usage(String),
    /// The hub answered with an error.
    #[error("{}", describe(.0))]
    Hub(RpcError),
    /// The hub's key is not the one that was kept.
    #[error("{0}")]
    PinChanged(String),
    /// The session is over.
    #[error("{0}")]
    Closed(Closed),
    /// There is no connection to the hub, or to a server that is no hub.
    #[error("{0}")]
    Unreachable(String),
    /// Something did not happen in time.
    #[error("{0}")]
    TimedOut(String),
    /// The hub was never met, and there is nobody to ask.
    #[error("{0}")]
    UnknownHub(String),
    /// The person does not trust the hub.
    #[error("the hub is not trusted; nothing was sent")]
    NotTrusted,
    /// Data are not what they should be.
    #[error("{0}")]
    Damaged(String),
    /// A local file is missing.
    #[error("{0}")]
    NoSuchFile(String),
    /// Samples were read that the hub has not acknowledged.
    #[error("{samples} samples were not delivered: {why}")]
    Undelivered { samples: u64, why: Box<Failure> },
    /// A file did not get to another device.
    #[error("{0}")]
    Transfer(transfer::TransferFailure),
    /// A checker found something, and its report says what.
    #[error("{0} checks failed")]
    ChecksFailed(usize),
    /// The document or the events have said it.
    #[error("{0}")]
    Reported(Box<Failure>),
    /// The person has read why.
    #[error("{0}")]
    Shown(Box<Failure>),
    /// Standard output took less than everything.
    #[error("{0}")]
    Output(String),
    /// The reader of standard output has gone.
    #[error("standard output was closed")]
    OutputClosed,
    /// Ctrl-C or a request to end.
    #[error("interrupted")]
    Interrupted,
}

/// The message, and the line that it is about.
pub(crate) fn describe(error: &RpcError) -> String {
    let message = Escaped(&error.message);
    match error.data.as_ref().and_then(|detail| detail.line) {
        Some(line) if error.code == ErrorCode::BadLine => {
            let prefix = format!("line {line}: ");
            let message = message.to_string();
            // The hub's words may have it.
            match message.starts_with(&prefix) {
                true => message,
                false => prefix + &message,
            }
        }
        _ => message.to_string(),
    }
}

impl Failure {
    /// Standard output could not be written.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Failure::Output(format!("standard output could not be written: {error}")),
        }
    }

    /// Whether somebody asked the process to end.
    pub(crate) fn is_interruption(&self) -> bool {
        match self {
            Failure::Interrupted => true,
            Failure::Reported(failure) | Failure::Shown(failure) => failure.is_interruption(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_shown_with_its_number() {
        let error = RpcError::new(ErrorCode::BadLine, "letters\u{1b}").at_line(7);
        assert_eq!(Failure::Hub(error).to_string(), "line 7: letters\\u{1b}");
        let said = RpcError::new(ErrorCode::BadLine, "line 7: letters").at_line(7);
        assert_eq!(Failure::Hub(said).to_string(), "line 7: letters");
    }
}
