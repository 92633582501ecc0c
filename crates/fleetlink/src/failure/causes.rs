//! The failures of the library as those of a command.

use std::io;

use fleetlink_client::{Error, ErrorKind, ExchangeError, GenerateError};
use fleetlink_proto::control::{ErrorCode, RpcError};

use super::Failure;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::from(&error)
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let text = error.to_string();
        match error.kind() {
            ErrorKind::Refused(refused) => Failure::Hub(refused.clone()),
            ErrorKind::Closed(closed) => Failure::Closed(closed.clone()),
            ErrorKind::TimedOut => Failure::TimedOut(text),
            ErrorKind::UnknownHost | ErrorKind::Unreachable | ErrorKind::NotAHub => {
                Failure::Unreachable(text)
            }
            ErrorKind::PinChanged { .. } => Failure::PinChanged(text),
            ErrorKind::UnknownHub { address, found } => Failure::UnknownHub(format!(
                "the hub at {address} is not known yet; its pin is {found}. Give it with --pin if \
                 it is the one that the hub printed"
            )),
            ErrorKind::Elsewhere => Failure::UnknownHub(text),
            ErrorKind::Usage => Failure::Usage(text),
            // A line that this device refuses is told like one that the hub refuses.
            ErrorKind::BadLine(refused) => Failure::Hub(
                RpcError::new(ErrorCode::BadLine, refused.to_string()).at_line(refused.line),
            ),
            ErrorKind::NoSamples => Failure::Hub(RpcError::new(
                ErrorCode::NoSamples,
                format!("{text}; with --allow-empty the data file is emptied"),
            )),
            ErrorKind::Changed | ErrorKind::Damaged => Failure::Damaged(text),
            ErrorKind::NoSuchFile => Failure::NoSuchFile(text),
            ErrorKind::Transfer(failure) => Failure::Transfer(failure.clone()),
            _ => Failure::General(text),
        }
    }
}

impl From<GenerateError> for Failure {
    fn from(error: GenerateError) -> Self {
        match error {
            GenerateError::Amount(_) => Failure::Usage(error.to_string()),
            GenerateError::Io(_) | GenerateError::Exists(_) => Failure::General(error.to_string()),
            GenerateError::Interrupted => Failure::Interrupted,
        }
    }
}

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Resolve(error) => error.into(),
            ExchangeError::Unreachable { .. } | ExchangeError::Broken(_) => {
                Failure::Unreachable(error.to_string())
            }
            ExchangeError::TimedOut => Failure::TimedOut(error.to_string()),
            ExchangeError::TooLong => Failure::General(error.to_string()),
            ExchangeError::Inexpressible(_) => Failure::Usage(error.to_string()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::General(error.to_string())
    }
}
