//! The one error of this library.

use std::error::Error as StdError;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use fleetlink_proto::control::{EndReason, ErrorCode, RpcError};
use fleetlink_proto::{Escaped, HubPin, Retry, transfer};

use crate::limits::LOST_PASSWORD_WAIT;
use crate::{Closed, HubAddress, RefusedInput, Unfollowed};

/// A result of this library.
pub type Result<T> = std::result::Result<T, Error>;

/// An error: a [kind](Error::kind) for programs, a message for people (its `Display`, complete in itself),
/// and the cause, where there is one, as its `source()`.
///
/// ```no_run
/// use fleetlink_client::{Client, ErrorKind, Retry};
///
/// # async fn example() {
/// let builder = Client::builder("myhost:7421").device("porch-camera");
/// match builder.connect().await {
///     Ok(_hub) => {}
///     Err(error) if error.retry() != Retry::Never => eprintln!("later, perhaps: {error}"),
///     Err(error) => match error.kind() {
///         ErrorKind::PasswordNeeded => eprintln!("give the password once, and enrol a key"),
///         ErrorKind::UnknownHub { found, .. } => eprintln!("is {found} the pin of the hub?"),
///         _ => eprintln!("{error}"),
///     },
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    /// The shortest wait before another try.
    least_wait: Duration,
}

/// The kind of an [`Error`], with the values that a program may need.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The hub answered with this error; docs/protocol/control.md lists the codes.
    Refused(RpcError),
    /// The session ended before the answer came. The call may have been done.
    Closed(Closed),
    /// Something took longer than its deadline. A call may have been done.
    TimedOut,
    /// The host name has no address: it is mistyped, or was never known. A name that led to the hub
    /// before and does not any more is [`Unreachable`](ErrorKind::Unreachable).
    UnknownHost,
    /// No address of the host accepts a connection.
    Unreachable,
    /// Something answers that is no fleetlink hub.
    NotAHub,
    /// The hub's key is not the expected one, and the device does not follow to it.
    PinChanged {
        /// The pin that was expected.
        expected: HubPin,
        /// The pin of the key that the hub showed.
        found: HubPin,
        /// The reason for which the device does not follow.
        why: Unfollowed,
    },
    /// The hub was never met, and nobody has said that it may be trusted.
    UnknownHub {
        /// The address of the hub.
        address: HubAddress,
        /// The pin of the key that it shows.
        found: HubPin,
    },
    /// A hub on this host was expected, and the address leads to another host.
    Elsewhere,
    /// The device has no key for this hub, and no password was given.
    PasswordNeeded,
    /// An argument is wrong: an address, a name, or what does not fit together.
    Usage,
    /// The peer does not keep to the protocol.
    Protocol,
    /// A line of the data is not a sample.
    BadLine(RefusedInput),
    /// The data hold no samples, and would have replaced those that the hub holds.
    NoSamples,
    /// The file changed while it was uploaded.
    Changed,
    /// The data that came are not the data that were sent: hash or length differ.
    Damaged,
    /// There is no such local file.
    NoSuchFile,
    /// A local file or stream cannot be read or written.
    File,
    /// A UDP port cannot be used.
    Port,
    /// The state folder cannot be read or written.
    State,
    /// A file of the state folder is damaged, or others can read it.
    StateDamaged,
    /// The file of this device's key holds none.
    KeyDamaged,
    /// The list of remembered devices is full.
    KnownDevicesFull,
    /// A transfer to another device failed.
    Transfer(transfer::TransferFailure),
    /// A fault of this library.
    Internal,
}

impl Error {
    /// The kind of this error.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The hub's error, where the hub refused a call.
    pub fn refusal(&self) -> Option<&RpcError> {
        match self.kind() {
            ErrorKind::Refused(error) => Some(error),
            _ => None,
        }
    }

    /// Tells whether the hub refused a call with this code.
    pub fn is_refused_with(&self, code: ErrorCode) -> bool {
        self.refusal().is_some_and(|error| error.code == code)
    }

    /// The input or output error behind this one, if there is one.
    pub fn io(&self) -> Option<&io::Error> {
        self.0.source.as_ref()?.downcast_ref()
    }

    /// Whether the same can succeed later.
    pub fn retry(&self) -> Retry {
        match self.kind() {
            ErrorKind::Refused(error) => error.code.retry(),
            ErrorKind::Closed(closed) => closed.retry(),
            ErrorKind::TimedOut
            | ErrorKind::Unreachable
            | ErrorKind::NotAHub
            | ErrorKind::Changed => Retry::Soon,
            ErrorKind::PinChanged {
                why: Unfollowed::Unasked(_),
                ..
            } => Retry::Soon,
            // A hub of another version can be brought up to date, and a name be made known.
            ErrorKind::Protocol | ErrorKind::UnknownHost => Retry::Later,
            ErrorKind::Transfer(failure) => failure.ended().reason.retry(),
            _ => Retry::Never,
        }
    }

    /// The time that the hub asks to wait before the next call, where it names one: the rest of a lock-out,
    /// for instance.
    pub fn retry_after(&self) -> Option<Duration> {
        let detail = self.refusal().and_then(|error| error.data.as_ref());
        let asked = detail.and_then(|detail| detail.retry_after_ms);
        asked.map(Duration::from_millis)
    }

    /// The shortest wait before another try, as the hub asks or the error says.
    pub(crate) fn asked_wait(&self) -> Duration {
        let asked = self.retry_after().unwrap_or_default();
        asked.max(self.0.least_wait)
    }

    /// The same error of a login by password. If the reply was lost, the hub has counted the attempt.
    pub(crate) fn of_password(mut self) -> Self {
        if self.refusal().is_none() {
            self.0.least_wait = LOST_PASSWORD_WAIT;
        }
        self
    }

    /// Tells whether the hub has said no more than that it is at a limit.
    pub(crate) fn is_busy(&self) -> bool {
        match self.kind() {
            ErrorKind::Refused(error) => error.code == ErrorCode::Busy,
            ErrorKind::Closed(Closed::ByHub { reason, .. }) => *reason == EndReason::Busy,
            _ => false,
        }
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            source: None,
            least_wait: Duration::ZERO,
        }))
    }

    pub(crate) fn because(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// The same error with more to say to people.
    pub(crate) fn saying(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// The same where the hub was reached by this name before: then it is known, and passes soon.
    pub(crate) fn of_known_host(mut self) -> Self {
        if matches!(self.0.kind, ErrorKind::UnknownHost) {
            self.0.kind = ErrorKind::Unreachable;
        }
        self
    }

    pub(crate) fn refused(error: RpcError) -> Self {
        let message = Escaped(&error.message).to_string();
        Error::new(ErrorKind::Refused(error), message)
    }

    pub(crate) fn closed(closed: Closed) -> Self {
        let message = closed.to_string();
        Error::new(ErrorKind::Closed(closed), message)
    }

    pub(crate) fn timed_out(method: &str, limit: Duration) -> Self {
        let seconds = limit.as_secs();
        let message = format!("the hub did not answer {method} within {seconds} seconds");
        Error::new(ErrorKind::TimedOut, message)
    }

    pub(crate) fn unexpected(what: &str) -> Self {
        let message = format!("the hub's answer makes no sense: {}", Escaped(what));
        Error::new(ErrorKind::Protocol, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Usage, message)
    }

    pub(crate) fn transfer(failure: transfer::TransferFailure) -> Self {
        let message = failure.to_string();
        Error::new(ErrorKind::Transfer(failure.clone()), message).because(failure)
    }

    pub(crate) fn bad_line(refused: RefusedInput) -> Self {
        let message = format!("line {}: {refused}", refused.line);
        Error::new(ErrorKind::BadLine(refused), message).because(refused)
    }

    pub(crate) fn no_samples() -> Self {
        let message = "there are no samples, so nothing is replaced";
        Error::new(ErrorKind::NoSamples, message)
    }

    pub(crate) fn changed() -> Self {
        Error::new(
            ErrorKind::Changed,
            "the file has changed while it was uploaded",
        )
    }

    pub(crate) fn unreadable(error: io::Error) -> Self {
        let message = format!("the data cannot be read: {error}");
        Error::new(ErrorKind::File, message).because(error)
    }

    pub(crate) fn unwritable(error: io::Error) -> Self {
        let message = format!("the file cannot be written: {error}");
        Error::new(ErrorKind::File, message).because(error)
    }

    pub(crate) fn state(path: &Path, error: io::Error) -> Self {
        let message = format!("{}: {error}", path.display());
        Error::new(ErrorKind::State, message).because(error)
    }

    pub(crate) fn damaged_state(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::StateDamaged, message)
    }

    pub(crate) fn died(task: tokio::task::JoinError) -> Self {
        Error::new(ErrorKind::Internal, task.to_string()).because(task)
    }

    /// Says what to do where the expected pin is one that the device kept in this file.
    pub(crate) fn kept_in(self, address: &HubAddress, path: &Path) -> Self {
        let message = format!(
            "{self}; if it is the new one, remove the line of {} from {}",
            address.to_string().to_lowercase(),
            path.display()
        );
        self.saying(message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.0.source.as_deref()?;
        Some(source)
    }
}

/// An infallible conversion fails nowhere.
impl From<std::convert::Infallible> for Error {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_kept() {
        let cause = io::Error::other("the disk failed");
        let error = Error::state(Path::new("/state/known-hubs"), cause);
        assert_eq!(error.to_string(), "/state/known-hubs: the disk failed");
        let source = StdError::source(&error).unwrap();
        assert_eq!(source.to_string(), "the disk failed");
        assert_eq!(
            error.clone().io().unwrap().to_string(),
            "the disk failed",
            "a clone has the same cause"
        );
    }

    #[test]
    fn what_passes_is_what_the_protocol_says() {
        for code in ErrorCode::ALL {
            let error = Error::refused(RpcError::new(*code, "x"));
            assert_eq!(error.retry(), code.retry());
        }
        for reason in transfer::Reason::ALL {
            let failure = transfer::TransferFailure::here(*reason, "x");
            assert_eq!(Error::transfer(failure).retry(), reason.retry());
        }
        assert_eq!(Error::closed(Closed::Left).retry(), Retry::Never);
        assert_eq!(Error::closed(Closed::Lost("x".into())).retry(), Retry::Soon);
    }
}
