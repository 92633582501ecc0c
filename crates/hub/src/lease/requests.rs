//! The requests and replies of a lease service, for a person who watches.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fleetlink_proto::lease::limits::SHOWN_EACH_SECOND;
use fleetlink_proto::lease::{LeaseId, Reply, Transport};

/// Requests that wait for whoever shows them; further ones are counted.
const QUEUE: usize = 256;

/// A request, and its answer.
#[derive(Debug, Clone)]
pub struct ShownRequest {
    /// The transport.
    pub transport: Transport,
    pub client: SocketAddr,
    /// The request.
    pub asked: Asked,
    /// The reply, if there was one.
    pub reply: Option<Reply>,
}

/// The request of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// `HELLO <id>`.
    Id(LeaseId),
    /// Bytes that are no request, or the first of them.
    Malformed(Vec<u8>),
    /// A connection that ended, or was not heard in time, before a request was whole.
    Nothing,
}

/// Hands requests to whoever shows them: up to a number each second, the rest is counted. It never
/// waits.
#[derive(Debug, Clone)]
pub struct RequestLog {
    queue: SyncSender<ShownRequest>,
    second: Arc<Mutex<Second>>,
    left_out: Arc<AtomicU64>,
}

/// The requests that were handed on in the current second.
#[derive(Debug, Default)]
struct Second {
    began: Duration,
    shown: u32,
}

/// The other end of a [`RequestLog`].
#[derive(Debug)]
pub struct ShownRequests {
    /// The requests, until the service is gone.
    pub requests: Receiver<ShownRequest>,
    left_out: Arc<AtomicU64>,
}

impl RequestLog {
    /// Both ends.
    pub fn new() -> (Self, ShownRequests) {
        let (queue, requests) = sync_channel(QUEUE);
        let left_out: Arc<AtomicU64> = Arc::default();
        let log = RequestLog {
            queue,
            second: Arc::default(),
            left_out: Arc::clone(&left_out),
        };
        (log, ShownRequests { requests, left_out })
    }

    /// Hands on a request that was answered at `now`.
    pub(super) fn note(&self, now: Duration, request: impl FnOnce() -> ShownRequest) {
        let shown = self.admits(now) && self.queue.try_send(request()).is_ok();
        if !shown {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn admits(&self, now: Duration) -> bool {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(second.began) >= Duration::from_secs(1) {
            *second = Second {
                began: now,
                shown: 0,
            };
        }
        second.shown += 1;
        second.shown <= SHOWN_EACH_SECOND
    }
}

impl ShownRequests {
    /// Requests that were not handed on since this was asked last.
    pub fn take_left_out(&self) -> u64 {
        self.left_out.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_a_second_are_shown_and_the_rest_is_counted() {
        let (log, shown) = RequestLog::new();
        let request = || ShownRequest {
            transport: Transport::Udp,
            client: ([127, 0, 0, 1], 9).into(),
            asked: Asked::Malformed(b"x".to_vec()),
            reply: None,
        };
        let second = Duration::from_secs(1);
        for _ in 0..150 {
            log.note(second / 2, request);
        }
        assert_eq!(shown.requests.try_iter().count(), 100);
        assert_eq!((shown.take_left_out(), shown.take_left_out()), (50, 0));
        log.note(second, request);
        log.note(second * 3, request);
        assert_eq!(shown.requests.try_iter().count(), 2);
        for n in 1..=4 {
            for _ in 0..100 {
                log.note(second * (n + 10), request);
            }
        }
        assert_eq!(
            shown.requests.try_iter().count(),
            QUEUE,
            "nobody takes them"
        );
        assert_eq!(shown.take_left_out(), 400 - 256);
    }
}
