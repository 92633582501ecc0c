//! The reasons why a transfer failed.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::limits::MAX_EXPLANATION_BYTES;
use crate::{Escaped, Retry};

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident = $number:literal, $name:literal;)*) => {
        /// The stable codes of a transfer's refusals and ends.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "u32", into = "u32")]
        pub enum Reason {
            $($(#[$doc])* $reason,)*
            /// A code that this version does not know.
            Other(u32),
        }

        impl Reason {
            /// Every code that this version knows.
            pub const ALL: &[Reason] = &[$(Reason::$reason),*];

            /// The code's number on the wire, also as QUIC's application error code.
            pub fn number(self) -> u32 {
                match self {
                    $(Reason::$reason => $number,)*
                    Reason::Other(number) => number,
                }
            }

            /// The code's name in output and in the protocol document.
            pub fn name(self) -> &'static str {
                match self {
                    $(Reason::$reason => $name,)*
                    Reason::Other(_) => "other",
                }
            }
        }

        impl From<u32> for Reason {
            fn from(number: u32) -> Self {
                match number {
                    $($number => Reason::$reason,)*
                    _ => Reason::Other(number),
                }
            }
        }
    };
}

reasons! {
    /// Somebody ended it on purpose.
    Cancelled = 1, "cancelled";
    /// The device is closing.
    Closing = 2, "closing";
    /// The device is at a limit; later may succeed.
    Busy = 3, "busy";
    /// The peer did not keep to this protocol.
    ProtocolViolation = 4, "protocol_violation";
    /// The peer did not do in time what was waited for.
    TimedOut = 5, "timed_out";
    /// A fault of the device's own.
    Internal = 6, "internal";
    /// The connection to the peer broke, or there never was one. Said at home only.
    ConnectionLost = 7, "connection_lost";
    /// Nothing got through for the idle time, although the connection lives.
    NetworkStalled = 8, "network_stalled";
    /// The grant is not signed by the hub, or would be valid for too long.
    BadGrant = 10, "bad_grant";
    /// The grant, or the certificate, is for another device or endpoint.
    WrongPeer = 11, "wrong_peer";
    /// The peer's key is another one than it was known by.
    KeyChanged = 12, "key_changed";
    /// The grant's time is over, or the hub has started anew since; another one may do.
    StaleGrant = 13, "stale_grant";
    /// No rule of the receiver's allows this sender.
    NotAllowed = 20, "not_allowed";
    /// The file's name cannot be used.
    BadName = 21, "bad_name";
    /// The file is larger than the receiver takes.
    TooLarge = 22, "too_large";
    /// With this file the receiver would hold more than it takes in all.
    TotalReached = 23, "total_reached";
    /// The receiver's disk has no room for it.
    NoSpace = 24, "no_space";
    /// The receiver cannot write.
    CannotWrite = 25, "cannot_write";
    /// The receiver's disk took nothing for the idle time.
    DiskStalled = 26, "disk_stalled";
    /// The sender cannot read.
    CannotRead = 30, "cannot_read";
    /// The file changed while it was sent.
    SourceChanged = 31, "source_changed";
    /// The received content does not match the sender's hash.
    HashMismatch = 32, "hash_mismatch";
    /// The sender's file gave nothing for the idle time.
    SourceStalled = 33, "source_stalled";
}

impl Reason {
    /// Whether the same file can be sent a little later. A full disk does not pass: somebody has to
    /// make room.
    pub fn retry(self) -> Retry {
        match self {
            Reason::Busy | Reason::StaleGrant => Retry::Soon,
            _ => Retry::Never,
        }
    }

    /// Whether it is a fault of the receiver's own: of its disk, or of itself.
    pub fn is_of_receiver(self) -> bool {
        matches!(
            self,
            Reason::NoSpace | Reason::CannotWrite | Reason::DiskStalled | Reason::Internal
        )
    }
}

impl From<Reason> for u32 {
    fn from(reason: Reason) -> u32 {
        reason.number()
    }
}

/// A refusal or an end: a stable code, and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Ended {
    /// The reason, for programs.
    pub reason: Reason,
    /// The reason, for people. One of a peer is shown [`Escaped`].
    pub message: Explanation,
}

/// A sentence of at most 512 bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Explanation(String);

impl Ended {
    /// An end for this reason, with a sentence for people.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        let mut message = message.into();
        message.truncate(message.floor_char_boundary(MAX_EXPLANATION_BYTES));
        Ended {
            reason,
            message: Explanation(message),
        }
    }
}

impl TryFrom<String> for Explanation {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() > MAX_EXPLANATION_BYTES {
            return Err("the explanation is too long");
        }
        Ok(Explanation(text))
    }
}

impl From<Explanation> for String {
    fn from(explanation: Explanation) -> String {
        explanation.0
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Escaped(&self.0), f)
    }
}

impl fmt::Debug for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_one_number_and_unknown_ones_survive() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from(reason.number()), *reason);
        }
        assert_eq!(Reason::from(77).number(), 77);
    }

    #[test]
    fn an_explanation_is_cut_where_it_is_made_and_escaped_where_it_is_shown() {
        let long = Ended::new(Reason::Internal, "é".repeat(400));
        assert_eq!(String::from(long.message).len(), MAX_EXPLANATION_BYTES);
        let ended: Ended =
            serde_json::from_str(r#"{"reason":20,"message":"no\u001b[2J"}"#).unwrap();
        assert_eq!(ended.reason, Reason::NotAllowed);
        assert_eq!(ended.to_string(), "no\\u{1b}[2J");
        let text = format!(r#"{{"reason":20,"message":"{}"}}"#, "x".repeat(513));
        assert!(serde_json::from_str::<Ended>(&text).is_err());
    }
}
