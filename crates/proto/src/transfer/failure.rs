//! The ways in which a transfer fails.

use std::time::{Duration, Instant};

use super::message::WaitsFor;
use super::reason::{Ended, Reason};

/// The reason why a transfer failed, and the side that said so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransferFailure {
    /// The peer refused or ended it.
    #[error("{0}")]
    Peer(Ended),
    /// It ended here; the peer is to be told by a [`super::Message::Cancel`].
    #[error("{0}")]
    Here(Ended),
}

impl TransferFailure {
    /// It ended here for this reason.
    pub fn here(reason: Reason, message: impl Into<String>) -> Self {
        TransferFailure::Here(Ended::new(reason, message))
    }

    /// The peer did not keep to the protocol.
    pub fn violation(what: &str) -> Self {
        let message = format!("the peer does not keep to the protocol: {what}");
        TransferFailure::here(Reason::ProtocolViolation, message)
    }

    pub(super) fn timed_out(what: &str, limit: Duration) -> Self {
        let message = format!("{what} for {} seconds", limit.as_secs_f32());
        TransferFailure::here(Reason::TimedOut, message)
    }

    /// The reason and the message.
    pub fn ended(&self) -> &Ended {
        match self {
            TransferFailure::Peer(ended) | TransferFailure::Here(ended) => ended,
        }
    }
}

/// A wait that may not last for ever: what does not happen, since when, and for how long at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    what: &'static str,
    limit: Duration,
    since: Instant,
}

impl Wait {
    pub(super) fn new(what: &'static str, limit: Duration, since: Instant) -> Self {
        Wait { what, limit, since }
    }

    pub(super) fn begin_anew(&mut self, now: Instant) {
        self.since = now;
    }

    pub(super) fn until(&self) -> Instant {
        self.since + self.limit
    }

    pub(super) fn over(&self, now: Instant) -> Option<TransferFailure> {
        (now >= self.until()).then(|| TransferFailure::timed_out(self.what, self.limit))
    }
}

/// Content on its way: how long it may stand still, and whose it is that it does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    limit: Duration,
    since: Instant,
    /// For what one of the two waits, beside the other.
    pub(super) waits: Option<WaitsFor>,
}

impl Flow {
    pub(super) fn new(limit: Duration, now: Instant) -> Self {
        Flow {
            limit,
            since: now,
            waits: None,
        }
    }

    /// Something flowed. Of two times that come out of order the later counts: what is read at once
    /// is handled with one time, and the disk may have held it up meanwhile.
    pub(super) fn moved(&mut self, now: Instant) {
        self.since = self.since.max(now);
    }

    pub(super) fn until(&self) -> Instant {
        self.since + self.limit
    }

    pub(super) fn over(&self, now: Instant) -> Option<TransferFailure> {
        (now >= self.until()).then(|| TransferFailure::Here(Ended::stalled(self.waits, self.limit)))
    }
}

impl Ended {
    /// Nothing moved for so long, since this was waited for.
    pub fn stalled(waits: Option<WaitsFor>, limit: Duration) -> Self {
        let (reason, what) = match waits {
            Some(WaitsFor::Disk) => (Reason::DiskStalled, "the receiver's disk has taken nothing"),
            Some(WaitsFor::Source) => (
                Reason::SourceStalled,
                "the sender's disk has given nothing of the file",
            ),
            _ => (
                Reason::NetworkStalled,
                "nothing has got through the network, although the connection lives,",
            ),
        };
        Ended::new(reason, format!("{what} for {} s", limit.as_secs_f32()))
    }
}
