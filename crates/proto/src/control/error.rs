//! The errors of the control protocol.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Retry;

/// An error as it travels: a stable code, a sentence for people, and what a program may need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct RpcError {
    /// The error, for programs.
    pub code: ErrorCode,
    /// The error, for people: what was found and what was expected.
    pub message: String,
    /// Details for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<ErrorDetail>,
}

/// Details of an error for programs, beside its code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// The code's name, for people who read the wire.
    #[serde(default)]
    pub reason: String,
    /// After how many milliseconds another try makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The line of the data file, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

impl RpcError {
    /// An error of this code with a message for people.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let detail = ErrorDetail {
            reason: code.name().to_owned(),
            ..ErrorDetail::default()
        };
        RpcError {
            code,
            message: message.into(),
            data: Some(detail),
        }
    }

    /// The same error, with the time after which another try makes sense.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.data.get_or_insert_default().retry_after_ms = Some(millis);
        self
    }

    /// The same error, with the line of the data file that it is about, counted from 1.
    #[must_use]
    pub fn at_line(mut self, line: u64) -> Self {
        self.data.get_or_insert_default().line = Some(line);
        self
    }
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $code:ident = $number:literal, $name:literal;)*) => {
        /// The stable codes of the control protocol. Those below -32000 are JSON-RPC's own
        /// (JSON-RPC 2.0, section 5.1).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "i32", into = "i32")]
        pub enum ErrorCode {
            $($(#[$doc])* $code,)*
            /// A code that this version does not know.
            Other(i32),
        }

        impl ErrorCode {
            /// Every code that this version knows.
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$code),*];

            /// The code's number on the wire.
            pub fn number(self) -> i32 {
                match self {
                    $(ErrorCode::$code => $number,)*
                    ErrorCode::Other(number) => number,
                }
            }

            /// The code's name in `data.reason`, in `--json` output and in the protocol document.
            pub fn name(self) -> &'static str {
                match self {
                    $(ErrorCode::$code => $name,)*
                    ErrorCode::Other(_) => "other",
                }
            }
        }

        impl From<i32> for ErrorCode {
            fn from(number: i32) -> Self {
                match number {
                    $($number => ErrorCode::$code,)*
                    _ => ErrorCode::Other(number),
                }
            }
        }
    };
}

error_codes! {
    /// The line is no JSON, or too long.
    ParseError = -32700, "parse_error";
    /// The line is JSON, but no request of JSON-RPC 2.0.
    InvalidRequest = -32600, "invalid_request";
    /// The hub has no such method.
    MethodNotFound = -32601, "method_not_found";
    /// The method's parameters are missing or wrong.
    InvalidParams = -32602, "invalid_params";
    /// A fault of the hub's own.
    Internal = -32603, "internal";
    /// Hub and device share no version of the protocol.
    VersionMismatch = 1, "version_mismatch";
    /// The call came too early or a second time: before `hello`, before `login`, or again.
    OutOfOrder = 2, "out_of_order";
    /// The hub is at one of its limits; the same call later may succeed.
    Busy = 3, "busy";
    /// The hub is shutting down.
    Closing = 4, "closing";
    /// Somebody else joined under the name since; the device does not return by itself.
    Replaced = 5, "replaced";
    /// Somebody else is active under the name, and this call was not to end that.
    ActiveElsewhere = 6, "active_elsewhere";
    /// Unknown name or wrong password: the hub does not say which.
    WrongPassword = 10, "wrong_password";
    /// As `wrong_password`, and the name is locked out from now on.
    NowBlocked = 11, "now_blocked";
    /// The name is locked out; no password was checked.
    Blocked = 12, "blocked";
    /// Unknown name, another key or a wrong signature: the hub does not say which.
    KeyRefused = 13, "key_refused";
    /// This session, or who logged in with it, may not do this.
    NotAllowed = 14, "not_allowed";
    /// Without TLS there is no channel to which a proof could be tied.
    NoChannel = 15, "no_channel";
    /// The device has a key already.
    KeyEnrolled = 16, "key_enrolled";
    /// The device has no key.
    NoKey = 17, "no_key";
    /// Wrong passwords of many different names came from this address; no password was checked.
    Penalised = 18, "penalised";
    /// The nonce of a login is unknown on this connection, used or too old; ask for another one.
    StaleNonce = 19, "stale_nonce";
    /// The device has no file of this id.
    NoSuchFile = 20, "no_such_file";
    /// A line of the data file is not a sample; `data.line` says which.
    BadLine = 21, "bad_line";
    /// The file has no samples, so it has no average, maximum or minimum.
    NoSamples = 22, "no_samples";
    /// The upload is too large.
    TooLarge = 23, "too_large";
    /// The session has no such upload or download open.
    NoSuchTransfer = 24, "no_such_transfer";
    /// The hash or the number of bytes is not what the sender says it sent.
    HashMismatch = 25, "hash_mismatch";
    /// Another change came between, or the idempotency key was used for something else.
    Conflict = 26, "conflict";
    /// The stored content is damaged; it is not served.
    Corrupt = 27, "corrupt";
    /// Nothing of the upload came for too long; what came is kept.
    NoProgress = 28, "no_progress";
    /// The device's data have reached the quota that the operator has set; deleting some makes room.
    QuotaReached = 29, "quota_reached";
    /// The store did not do it.
    StoreUnavailable = 30, "store_unavailable";
    /// The store may have done it; ask again with the same idempotency key.
    OutcomeUnknown = 31, "outcome_unknown";
    /// The hub's disk is full.
    StoreFull = 32, "store_full";
    /// The hub knows no such ticket.
    NoSuchTicket = 33, "no_such_ticket";
    /// The ticket has been used as often as it may be.
    TicketUsed = 34, "ticket_used";
    /// The ticket's time is over.
    TicketExpired = 35, "ticket_expired";
    /// The operator has taken the ticket back.
    TicketRevoked = 36, "ticket_revoked";
    /// There is another device of this name, and this ticket makes new ones only.
    NameTaken = 37, "name_taken";
    /// The other device is not active.
    Offline = 40, "offline";
    /// The other device is active and takes no files.
    NoEndpoint = 41, "no_endpoint";
    /// The certificate is not of this device, or its signature is wrong.
    BadCertificate = 42, "bad_certificate";
}

impl ErrorCode {
    /// Whether the same call can succeed later. A code that this version does not know never passes.
    pub fn retry(self) -> Retry {
        match self {
            ErrorCode::Busy
            | ErrorCode::Closing
            | ErrorCode::NoProgress
            | ErrorCode::StoreUnavailable
            | ErrorCode::OutcomeUnknown => Retry::Soon,
            // A lock-out or a penalty ends when the error says; a fault of the hub's when somebody
            // has mended it.
            ErrorCode::Blocked | ErrorCode::Penalised | ErrorCode::Internal => Retry::Later,
            _ => Retry::Never,
        }
    }
}

impl From<ErrorCode> for i32 {
    fn from(code: ErrorCode) -> i32 {
        code.number()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_listed_once() {
        let passing = |retry: Retry| {
            let codes = ErrorCode::ALL.iter().filter(|code| code.retry() == retry);
            codes.map(|code| code.name()).collect::<Vec<_>>()
        };
        let soon = [
            "busy",
            "closing",
            "no_progress",
            "store_unavailable",
            "outcome_unknown",
        ];
        assert_eq!(passing(Retry::Soon), soon);
        assert_eq!(passing(Retry::Later), ["internal", "blocked", "penalised"]);
        assert_eq!(ErrorCode::Other(999).retry(), Retry::Never);
    }

    #[test]
    fn every_code_survives_the_wire() {
        for &code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from(code.number()), code);
        }
        let error = RpcError::new(ErrorCode::BadLine, "letters").at_line(7);
        let text = serde_json::to_string(&error).unwrap();
        assert_eq!(
            text,
            r#"{"code":21,"message":"letters","data":{"reason":"bad_line","line":7}}"#
        );
        assert_eq!(serde_json::from_str::<RpcError>(&text).unwrap(), error);
    }
}
