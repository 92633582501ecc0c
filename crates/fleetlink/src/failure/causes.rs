//! The failures of the library as those of a command.

use std::io;

use fleetlink_client::{
    AppendFailure, AttachError, CallError, ChosenError, ConnectError, DeviceKeysError,
    DownloadError, ExchangeError, GenerateError, HubAddress, KnownDevicesError, KnownHubs,
    KnownHubsError, Over, RefusedInput, ReplacedError, UploadError, state_folder,
};
use fleetlink_proto::HubPin;
use fleetlink_proto::control::{ErrorCode, RpcError};

use super::Failure;

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(error) => Failure::Hub(error),
            CallError::Closed(closed) => Failure::Closed(closed),
            CallError::TimedOut { .. } => Failure::TimedOut(error.to_string()),
            CallError::NoChannel => Failure::Usage(error.to_string()),
            CallError::Unexpected(_) => Failure::General(error.to_string()),
        }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::PinChanged { .. } => Failure::PinChanged(pin_changed(&error)),
            error => Failure::Connect(error),
        }
    }
}

/// What is to be done where the expected pin is a kept one.
fn pin_changed(error: &ConnectError) -> String {
    let kept = |address: &HubAddress, expected: &HubPin| {
        let known = KnownHubs::in_folder(state_folder().ok()?);
        let kept = known.pin(address).ok()??;
        (kept == *expected).then(|| known.path())
    };
    match error {
        ConnectError::PinChanged {
            address, expected, ..
        } => match kept(address, expected) {
            Some(path) => format!(
                "{error}; if it is the new one, remove the line of {} from {}",
                address.to_string().to_lowercase(),
                path.display()
            ),
            None => error.to_string(),
        },
        error => error.to_string(),
    }
}

impl From<AttachError> for Failure {
    fn from(error: AttachError) -> Self {
        match error {
            AttachError::Connect(error) => error.into(),
            AttachError::Call(error) => error.into(),
        }
    }
}

impl From<UploadError> for Failure {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Call(error) => error.into(),
            UploadError::Attach(error) => error.into(),
            UploadError::Source(_) => Failure::General(error.to_string()),
            UploadError::Refused { refused } => refused.into(),
            UploadError::Empty => Failure::Hub(RpcError::new(
                ErrorCode::NoSamples,
                format!("{error}; with --allow-empty the data file is emptied"),
            )),
            UploadError::Changed => Failure::Damaged(error.to_string()),
        }
    }
}

/// A line that this device refuses is told like one that the hub refuses.
impl From<RefusedInput> for Failure {
    fn from(refused: RefusedInput) -> Self {
        Failure::Hub(RpcError::new(ErrorCode::BadLine, refused.to_string()).at_line(refused.line))
    }
}

impl From<AppendFailure> for Failure {
    fn from(failure: AppendFailure) -> Self {
        match failure {
            AppendFailure::Source(_) => Failure::General(failure.to_string()),
            AppendFailure::Refused { refused } => refused.into(),
            AppendFailure::Upload(error) => error.into(),
        }
    }
}

impl From<DownloadError> for Failure {
    fn from(error: DownloadError) -> Self {
        match error {
            DownloadError::Call(error) => error.into(),
            DownloadError::Target(_) => Failure::General(error.to_string()),
            DownloadError::Mismatch => Failure::Damaged(error.to_string()),
            DownloadError::Stalled => Failure::TimedOut(error.to_string()),
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

impl From<&Over> for Failure {
    fn from(over: &Over) -> Self {
        match over {
            Over::Ended(closed) => Failure::Closed(closed.clone()),
            Over::Refused(AttachError::Call(CallError::Refused(e))) => Failure::Hub(e.clone()),
            Over::Refused(AttachError::Connect(error @ ConnectError::PinChanged { .. })) => {
                Failure::PinChanged(pin_changed(error))
            }
            Over::Refused(_) => Failure::General(over.to_string()),
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

impl From<ChosenError> for Failure {
    fn from(error: ChosenError) -> Self {
        Failure::General(error.to_string())
    }
}

impl From<DeviceKeysError> for Failure {
    fn from(error: DeviceKeysError) -> Self {
        Failure::General(error.to_string())
    }
}

impl From<KnownDevicesError> for Failure {
    fn from(error: KnownDevicesError) -> Self {
        Failure::General(error.to_string())
    }
}

impl From<ReplacedError> for Failure {
    fn from(error: ReplacedError) -> Self {
        Failure::General(error.to_string())
    }
}

impl From<KnownHubsError> for Failure {
    fn from(error: KnownHubsError) -> Self {
        Failure::General(error.to_string())
    }
}
