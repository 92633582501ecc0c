//! The failures of the library as those of a command.

use std::io;

use fleetlink_client::{Error, ErrorKind, data::GenerateError, number_exchange::ExchangeError};
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
            ErrorKind::Refused(refused) => Failure::Hub(advised(refused.clone())),
            ErrorKind::KeyDamaged => Failure::General(format!("{text}: {REPLACE}")),
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

/// The command by which a name becomes this device's own.
const REPLACE: &str = "fleetlink key replace";

fn advised(mut refused: RpcError) -> RpcError {
    if refused.code == ErrorCode::BadCertificate {
        refused.message = format!("{}: {REPLACE}", refused.message);
    }
    refused
}

impl Failure {
    /// The failure of a device that does not come back to its hub. Nothing is wrong with the
    /// arguments, nor with the key of a hub, where the address of the hub leads elsewhere by now.
    pub(crate) fn of_device(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Usage | ErrorKind::Elsewhere => Failure::General(error.to_string()),
            _ => Failure::from(error),
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

#[cfg(test)]
mod tests {
    use fleetlink_client::Client;

    use super::*;

    /// A command with such arguments is wrong; a device that was joined by them is not.
    #[tokio::test]
    async fn a_device_that_does_not_come_back_has_no_wrong_arguments() {
        let nameless = Client::builder("no address");
        let error = nameless.connect().await;
        let error = error.err().unwrap();
        assert_eq!(Failure::from(&error).exit_code(), 2);
        assert_eq!(Failure::of_device(&error).exit_code(), 1);
    }
}
