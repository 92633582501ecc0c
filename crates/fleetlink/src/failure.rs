//! Why a command failed, and the exit code that says so to programs.

use std::io;

use fleetlink_device::{
    AppendFailure, AttachError, CallError, ChosenError, Closed, ConnectError, DeviceKeysError,
    DownloadError, ExchangeError, GenerateError, HubAddress, KnownDevicesError, KnownHubs,
    KnownHubsError, Over, RefusedInput, UploadError, state_folder,
};
use fleetlink_proto::control::{EndReason, ErrorCode, RpcError};
use fleetlink_proto::transfer::{self, Reason};
use fleetlink_proto::{Escaped, HubPin};

/// The exit codes, for `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed for another reason
  2  wrong arguments
  3  login refused, or the ticket
  4  the name is blocked, or passwords from this address are refused for a while
  5  the hub, server or device cannot be reached, or the connection to it was lost
  6  timed out
  7  integrity: the hub's key is unknown or has changed, a device's has changed, or data are damaged
  8  no such file
  9  the data are not samples, too large, or without samples
 10  the session was ended by the hub: replaced, removed, or its key revoked
 11  the hub is busy or full; try again later
 12  the other device is offline, or takes no files
 13  the other device refused the file, or ended the transfer
 14  samples that were read were not delivered; the message counts them
 15  the output could not be written (a full disk)
130  interrupted
141  the reader of the output has gone (a closed pipe)";

/// Why a command failed.
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
    /// There is no connection to the hub.
    #[error(transparent)]
    Connect(ConnectError),
    /// The hub's key is not the one that was kept.
    #[error("{0}")]
    PinChanged(String),
    /// The session is over.
    #[error("{0}")]
    Closed(Closed),
    /// There is no connection to a server that is no hub.
    #[error("{0}")]
    Unreachable(String),
    /// Something did not happen in time.
    #[error("{0}")]
    TimedOut(String),
    /// The hub was never met, and there is nobody to ask.
    #[error(
        "the hub at {address} is not known yet; its pin is {found}. Give it with --pin if it is \
         the one that the hub printed"
    )]
    UnknownHub {
        /// Where.
        address: HubAddress,
        /// The pin of the key that it shows.
        found: HubPin,
    },
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
    Undelivered {
        /// How many.
        samples: u64,
        /// Why not.
        why: Box<Failure>,
    },
    /// A file did not get to another device.
    #[error("{0}")]
    Transfer(transfer::Failure),
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
    /// Whoever read standard output is gone.
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

    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::General(_) | Failure::ChecksFailed(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Hub(error) => code_of(error.code),
            Failure::Connect(ConnectError::PinChanged { .. } | ConnectError::Elsewhere(_))
            | Failure::PinChanged(_)
            | Failure::UnknownHub { .. }
            | Failure::NotTrusted
            | Failure::Damaged(_) => 7,
            Failure::Connect(ConnectError::PlainElsewhere(_)) => 2,
            Failure::Connect(ConnectError::TimedOut { .. }) | Failure::TimedOut(_) => 6,
            Failure::Connect(_) | Failure::Unreachable(_) => 5,
            Failure::Closed(Closed::ByHub { reason, .. }) => match reason {
                EndReason::Replaced
                | EndReason::AccountRemoved
                | EndReason::LoginRemoved
                | EndReason::PasswordChanged
                | EndReason::KeyRevoked
                | EndReason::EndedByOperator => 10,
                _ => 5,
            },
            Failure::Closed(Closed::Garbage(_)) => 1,
            Failure::Closed(_) => 5,
            Failure::NoSuchFile(_) => 8,
            Failure::Transfer(failure) => code_of_transfer(failure),
            Failure::Undelivered { .. } => 14,
            Failure::Reported(failure) | Failure::Shown(failure) => failure.exit_code(),
            Failure::Output(_) => 15,
            Failure::Interrupted => 130,
            // As a shell shows a process that SIGPIPE ended.
            Failure::OutputClosed => 141,
        }
    }

    /// The stable code in `--json` output: the hub's own where it answered.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Failure::Hub(error) => error.code.name(),
            Failure::Usage(_) => "usage",
            Failure::Output(_) => "output_lost",
            Failure::OutputClosed => "output_closed",
            Failure::Interrupted => "interrupted",
            Failure::NoSuchFile(_) => "no_such_local_file",
            Failure::Connect(ConnectError::PinChanged { .. }) | Failure::PinChanged(_) => {
                "pin_changed"
            }
            Failure::Connect(ConnectError::Elsewhere(_)) | Failure::UnknownHub { .. } => {
                "unknown_hub"
            }
            Failure::NotTrusted => "not_trusted",
            Failure::Damaged(_) => "integrity",
            Failure::Closed(Closed::ByHub { reason, .. }) => match reason {
                EndReason::Replaced => "replaced",
                EndReason::AccountRemoved => "account_removed",
                EndReason::LoginRemoved => "login_removed",
                EndReason::PasswordChanged => "password_changed",
                EndReason::KeyRevoked => "key_revoked",
                EndReason::EndedByOperator => "ended_by_operator",
                _ => "connection_lost",
            },
            Failure::Closed(_) => "connection_lost",
            Failure::Connect(ConnectError::TimedOut { .. }) | Failure::TimedOut(_) => "timed_out",
            Failure::Connect(ConnectError::PlainElsewhere(_)) => "usage",
            Failure::Connect(_) | Failure::Unreachable(_) => "unreachable",
            Failure::Transfer(failure) => failure.ended().reason.name(),
            Failure::Reported(failure) | Failure::Shown(failure) => failure.code(),
            Failure::Undelivered { .. } => "undelivered",
            Failure::ChecksFailed(_) => "checks_failed",
            Failure::General(_) => "failed",
        }
    }
}

fn code_of(code: ErrorCode) -> u8 {
    match code {
        ErrorCode::WrongPassword
        | ErrorCode::KeyRefused
        | ErrorCode::NotAllowed
        | ErrorCode::NoSuchTicket
        | ErrorCode::TicketUsed
        | ErrorCode::TicketExpired
        | ErrorCode::TicketRevoked
        | ErrorCode::NameTaken
        | ErrorCode::BadCertificate => 3,
        ErrorCode::NowBlocked | ErrorCode::Blocked | ErrorCode::Penalised => 4,
        ErrorCode::Replaced => 10,
        ErrorCode::Offline | ErrorCode::NoEndpoint => 12,
        ErrorCode::HashMismatch | ErrorCode::Corrupt => 7,
        ErrorCode::NoProgress => 6,
        ErrorCode::NoSuchFile => 8,
        ErrorCode::BadLine | ErrorCode::NoSamples | ErrorCode::TooLarge => 9,
        ErrorCode::Busy
        | ErrorCode::Closing
        | ErrorCode::StoreUnavailable
        | ErrorCode::StoreFull
        | ErrorCode::OutcomeUnknown => 11,
        _ => 1,
    }
}

fn code_of_transfer(failure: &transfer::Failure) -> u8 {
    let by_peer = matches!(failure, transfer::Failure::Peer(_));
    match failure.ended().reason {
        Reason::TimedOut | Reason::NetworkStalled | Reason::DiskStalled | Reason::SourceStalled => {
            6
        }
        // Given up here, after waiting for it.
        Reason::Busy => 13,
        Reason::BadGrant
        | Reason::StaleGrant
        | Reason::WrongPeer
        | Reason::KeyChanged
        | Reason::SourceChanged
        | Reason::HashMismatch => 7,
        Reason::ConnectionLost => 5,
        _ if by_peer => 13,
        Reason::BadName => 2,
        Reason::Cancelled | Reason::Closing => 130,
        _ => 1,
    }
}

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

impl From<KnownHubsError> for Failure {
    fn from(error: KnownHubsError) -> Self {
        Failure::General(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_listed() {
        for code in ErrorCode::ALL {
            let exit = Failure::Hub(RpcError::new(*code, "x")).exit_code();
            let listed = |line: &str| line.trim_start().starts_with(&format!("{exit} "));
            assert!(EXIT_CODES.lines().any(listed), "{code}: {exit}");
        }
    }

    #[test]
    fn every_end_of_a_transfer_has_a_listed_exit_code() {
        for reason in Reason::ALL {
            let ended = transfer::Ended::new(*reason, "x");
            for failure in [transfer::Failure::Here, transfer::Failure::Peer] {
                let exit = Failure::Transfer(failure(ended.clone())).exit_code();
                let listed = |line: &str| line.trim_start().starts_with(&format!("{exit} "));
                assert!(EXIT_CODES.lines().any(listed), "{reason:?}: {exit}");
            }
        }
    }

    #[test]
    fn a_bad_line_is_shown_with_its_number() {
        let error = RpcError::new(ErrorCode::BadLine, "letters\u{1b}").at_line(7);
        assert_eq!(Failure::Hub(error).to_string(), "line 7: letters\\u{1b}");
        let said = RpcError::new(ErrorCode::BadLine, "line 7: letters").at_line(7);
        assert_eq!(Failure::Hub(said).to_string(), "line 7: letters");
    }
}
