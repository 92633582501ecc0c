//! The rules of a lease server: one table for all transports.

use std::hash::RandomState;
use std::net::SocketAddr;
use std::time::Duration;

use super::counts::{Counts, Transport};
use super::holders::Holders;
use super::idle::IdleExit;
use super::limits::{DEFAULT_IDLE_EXIT, DEFAULT_LEASE, MALFORMED_LOG_EVERY};
use super::rate::RateLimit;
use super::reply::Reply;
use super::request::Request;
use super::table::LeaseTable;
use crate::ClientNetwork;

/// A server's settings.
#[derive(Debug, Clone)]
pub struct LeaseSettings {
    /// The length of a lease.
    pub lease: Duration,
    /// After how long without a well-formed request the server ends.
    pub idle_exit: Option<Duration>,
    /// Ids that a client network may hold at once.
    pub max_per_source: Option<u32>,
    /// Requests a second that a client network may make.
    pub max_rate: Option<u32>,
}

impl Default for LeaseSettings {
    fn default() -> Self {
        LeaseSettings {
            lease: DEFAULT_LEASE,
            idle_exit: Some(DEFAULT_IDLE_EXIT),
            max_per_source: None,
            max_rate: None,
        }
    }
}

/// A lease server without its sockets and its clock.
#[derive(Debug)]
pub struct Leases {
    table: LeaseTable,
    holders: Option<Holders>,
    rate: Option<RateLimit>,
    idle: IdleExit,
    counts: Counts,
    log_malformed_from: Duration,
    malformed_unlogged: u64,
}

/// Malformed input is worth a log line now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedNotice {
    /// Inputs since the last line, this one included.
    pub inputs: u64,
}

impl Leases {
    /// A server that begins at `now`. `key` spreads sources over the slots of the rate limit.
    pub fn new(settings: &LeaseSettings, key: RandomState, now: Duration) -> Self {
        Leases {
            table: LeaseTable::new(settings.lease),
            holders: settings.max_per_source.map(Holders::new),
            rate: settings.max_rate.map(|rate| RateLimit::new(rate, key)),
            idle: IdleExit::new(settings.idle_exit, now),
            counts: Counts::default(),
            log_malformed_from: Duration::ZERO,
            malformed_unlogged: 0,
        }
    }

    /// Decides about a request. `None` where the client network asks too often: it gets no answer.
    pub fn handle_request(
        &mut self,
        request: Request,
        client: SocketAddr,
        transport: Transport,
        now: Duration,
    ) -> Option<Reply> {
        self.idle.handle_request(now);
        let counts = self.counts.of(transport);
        let limited = self.rate.is_some() || self.holders.is_some();
        let source = limited.then(|| ClientNetwork::of(client.ip()));
        if let (Some(rate), Some(source)) = (&mut self.rate, source)
            && !rate.admit(source, now)
        {
            counts.over_rate += 1;
            return None;
        }
        let Request { id, newline } = request;
        if !self.table.is_free(id, now) {
            counts.in_use += 1;
            return Some(Reply::in_use(id, newline));
        }
        if let (Some(holders), Some(source)) = (&mut self.holders, source)
            && !holders.may_hold(source, now)
        {
            counts.over_share += 1;
            return Some(Reply::in_use(id, newline));
        }
        let expires = self.table.grant(id, now)?;
        if let (Some(holders), Some(source)) = (&mut self.holders, source) {
            holders.grant(source, expires);
        }
        counts.granted += 1;
        Some(Reply::granted(id, client, newline))
    }

    /// Counts input that is no request; says when it is worth a log line.
    pub fn handle_malformed(
        &mut self,
        transport: Transport,
        now: Duration,
    ) -> Option<MalformedNotice> {
        self.counts.of(transport).malformed += 1;
        self.malformed_unlogged += 1;
        if now < self.log_malformed_from {
            return None;
        }
        self.log_malformed_from = now.saturating_add(MALFORMED_LOG_EVERY);
        let inputs = std::mem::take(&mut self.malformed_unlogged);
        Some(MalformedNotice { inputs })
    }

    /// Counts a connection that asked nothing.
    pub fn handle_silence(&mut self) {
        self.counts.tcp.silent += 1;
    }

    /// The time at which the server ends if no request comes before; `None` for never.
    pub fn idle(&self) -> IdleExit {
        self.idle
    }

    /// The counters so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}
