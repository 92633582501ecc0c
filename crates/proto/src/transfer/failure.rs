//! How a transfer fails.

use std::time::{Duration, Instant};

use super::reason::{Ended, Reason};

/// Why a transfer is over, and who said so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The peer refused or ended it.
    #[error("{0}")]
    Peer(Ended),
    /// It ended here; the peer is to be told by a [`super::Message::Cancel`].
    #[error("{0}")]
    Here(Ended),
}

impl Failure {
    /// It ended here for this reason.
    pub fn here(reason: Reason, message: impl Into<String>) -> Self {
        Failure::Here(Ended::new(reason, message))
    }

    /// The peer did not keep to the protocol.
    pub fn violation(what: &str) -> Self {
        let message = format!("the peer does not keep to the protocol: {what}");
        Failure::here(Reason::ProtocolViolation, message)
    }

    pub(super) fn timed_out(what: &str, limit: Duration) -> Self {
        let message = format!("{what} for {} seconds", limit.as_secs_f32());
        Failure::here(Reason::TimedOut, message)
    }

    /// What was said.
    pub fn ended(&self) -> &Ended {
        match self {
            Failure::Peer(ended) | Failure::Here(ended) => ended,
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

    pub(super) fn until(&self) -> Instant {
        self.since + self.limit
    }

    pub(super) fn over(&self, now: Instant) -> Option<Failure> {
        (now >= self.until()).then(|| Failure::timed_out(self.what, self.limit))
    }
}

/// The waits while content flows: for any of it, and for the rest of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    any: Wait,
    block: Wait,
}

impl Flow {
    pub(super) fn new(what: &'static str, stall: Duration, block: Duration, now: Instant) -> Self {
        Flow {
            any: Wait::new(what, stall, now),
            block: Wait::new("a block did not become whole", block, now),
        }
    }

    /// Something flowed. Of two times that come out of order the later counts: what is read at once
    /// is handled with one time, and the disk may have held it up meanwhile.
    pub(super) fn moved(&mut self, now: Instant) {
        self.any.since = self.any.since.max(now);
    }

    /// A block is whole.
    pub(super) fn next_block(&mut self, now: Instant) {
        self.moved(now);
        self.block.since = self.block.since.max(now);
    }

    pub(super) fn until(&self) -> Instant {
        self.any.until().min(self.block.until())
    }

    pub(super) fn over(&self, now: Instant) -> Option<Failure> {
        self.any.over(now).or_else(|| self.block.over(now))
    }
}
