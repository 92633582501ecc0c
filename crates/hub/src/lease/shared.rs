//! The one table behind both transports.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fleetlink_proto::lease::{IdleExit, Leases, Reply, Transport};

use super::clock::Clock;
use super::requests::{Asked, RequestLog, ShownRequest};

/// The rules under a lock that UDP takes once for each batch and TCP once for each connection.
/// Nothing waits while it is held, so it is nearly always free.
pub(super) struct Shared {
    leases: Mutex<Leases>,
    clock: Clock,
    requests: Option<RequestLog>,
}

impl Shared {
    pub(super) fn new(leases: Leases, clock: Clock, requests: Option<RequestLog>) -> Self {
        Shared {
            leases: Mutex::new(leases),
            clock,
            requests,
        }
    }

    /// Shows a request and its answer, where somebody watches.
    pub(super) fn show(
        &self,
        transport: Transport,
        client: SocketAddr,
        now: Duration,
        asked: impl FnOnce() -> Asked,
        reply: Option<Reply>,
    ) {
        if let Some(requests) = &self.requests {
            requests.note(now, || ShownRequest {
                transport,
                client,
                asked: asked(),
                reply,
            });
        }
    }

    /// The rules, and the time. It is read under the lock, so that it never goes back from one
    /// request to the next, whatever their transports.
    pub(super) fn lock(&self) -> (MutexGuard<'_, Leases>, Duration) {
        let leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        (leases, now)
    }

    /// The time at which to end, and the time now.
    pub(super) fn idle(&self) -> (IdleExit, Duration) {
        let (leases, now) = self.lock();
        (leases.idle(), now)
    }
}

/// Counts malformed input, and says so in the log, but not for every one.
pub(super) fn note_malformed(
    leases: &mut Leases,
    transport: Transport,
    client: SocketAddr,
    now: Duration,
) {
    if let Some(notice) = leases.handle_malformed(transport, now) {
        let inputs = notice.inputs;
        tracing::info!(%transport, %client, inputs, "malformed input since the last such line");
    }
}
