//! One connection to a hub, shared by everything that asks something of it.

mod calls;
mod closed;
mod flight;
mod keys;
mod methods;
mod opening;
mod reader;
mod shared;
mod tickets;
mod transfer;
mod writer;

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fleetlink_proto::control::SessionLimits;
use fleetlink_proto::control::limits::DEFAULT_KEEP_ALIVE;
use fleetlink_proto::signed::Channel;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::limits::{CHUNK_QUEUE, CONTROL_QUEUE, MAX_CALLS_IN_FLIGHT};
use crate::{Connection, HubClock};

pub use closed::Closed;
use shared::Shared;
pub(crate) use transfer::{DownloadEvent, OpenedDownload, OpenedUpload};
use writer::Bulk;

/// A session with a hub. Clones share it; when the last one is dropped the connection closes.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    channel: Option<Channel>,
    control: mpsc::Sender<Vec<u8>>,
    chunks: mpsc::Sender<Bulk>,
    keep_alive: watch::Sender<Duration>,
    next_id: AtomicI64,
    in_flight: Semaphore,
    /// The facts that the hub's `hello` told, once it has come.
    agreed: OnceLock<Agreed>,
    last_upload: AtomicU64,
}

/// The part of the hub's `hello` that later calls depend on.
struct Agreed {
    /// The device chooses the numbers of its uploads.
    client_numbers: bool,
    /// The hub hears of transfers.
    hears_reports: bool,
    limits: SessionLimits,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    fn start(connection: Connection) -> Session {
        let (read_half, write_half) = tokio::io::split(connection.stream);
        let (control, control_queue) = mpsc::channel(CONTROL_QUEUE);
        let (chunks, chunk_queue) = mpsc::channel(CHUNK_QUEUE);
        let (keep_alive, _) = watch::channel(DEFAULT_KEEP_ALIVE);
        let shared = Arc::new(Shared::new(control.downgrade()));
        let queues = writer::Queues {
            control: control_queue,
            chunks: chunk_queue,
            keep_alive: keep_alive.subscribe(),
        };
        shared.part(writer::run(write_half, queues, Arc::clone(&shared)));
        let reading = reader::run(read_half, keep_alive.subscribe(), Arc::clone(&shared));
        shared.part(reading);
        Session {
            inner: Arc::new(Inner {
                shared,
                channel: connection.channel,
                control,
                chunks,
                keep_alive,
                next_id: AtomicI64::new(writer::GIVE_UP_ID + 1),
                in_flight: Semaphore::new(MAX_CALLS_IN_FLIGHT),
                agreed: OnceLock::new(),
                last_upload: AtomicU64::new(0),
            }),
        }
    }

    /// Ends the session for this reason, for each of its clones.
    pub(crate) fn end(&self, why: Closed) {
        self.inner.shared.close(why);
    }

    /// Waits until the session is over, and says why.
    pub async fn closed(&self) -> Closed {
        self.inner.shared.closed().await
    }

    /// The keep-alive that the hub has named.
    pub(crate) fn keep_alive(&self) -> Duration {
        *self.inner.keep_alive.borrow()
    }

    /// The hub's clock, which each answer that tells the time sets right: to a join, and to each
    /// keep-alive.
    pub fn hub_clock(&self) -> HubClock {
        self.inner.shared.clock.clone()
    }

    /// The reason for which the session is over, if it is.
    pub fn is_closed(&self) -> Option<Closed> {
        self.inner.shared.is_closed()
    }
}
