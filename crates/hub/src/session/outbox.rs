//! What a session still has to write: answers first, downloads between them.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fleetlink_proto::control::{
    HubNotification, Reply, RequestId, RpcError, encode_error, encode_notification, encode_reply,
    limits,
};
use fleetlink_proto::succession::Succession;
use tokio::io::{AsyncWrite, AsyncWriteExt, BufWriter};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

/// Lines that may wait to be written; whoever adds one more waits.
const LINE_QUEUE: usize = limits::MAX_REQUESTS_IN_FLIGHT + 16;
/// Download chunks that may wait to be written, in all downloads of a session.
const BULK_QUEUE: usize = 2;
/// The most that is written at once; each such write has its own deadline.
const WRITE_SIZE: usize = 64 * 1024;
/// Where short lines are collected; what is longer is written as it is.
const LINE_BUFFER: usize = 1024;

/// Where answers, notifications and download chunks of one session are put.
#[derive(Clone)]
pub(super) struct Outbox {
    lines: mpsc::Sender<Outgoing>,
    bulk: mpsc::Sender<Vec<u8>>,
    in_flight: Arc<Semaphore>,
    logged_in: Arc<AtomicBool>,
    succession: Arc<OnceLock<Vec<Succession>>>,
}

/// The other end of an [`Outbox`].
pub(super) struct Queues {
    lines: mpsc::Receiver<Outgoing>,
    bulk: mpsc::Receiver<Vec<u8>>,
}

enum Outgoing {
    Line(Vec<u8>),
    Close,
}

/// The session's connection is gone.
#[derive(Debug)]
pub(super) struct Gone;

pub(super) fn open() -> (Outbox, Queues) {
    let (lines, line_queue) = mpsc::channel(LINE_QUEUE);
    let (bulk, bulk_queue) = mpsc::channel(BULK_QUEUE);
    let in_flight = Arc::new(Semaphore::new(limits::MAX_REQUESTS_IN_FLIGHT));
    (
        Outbox {
            lines,
            bulk,
            in_flight,
            logged_in: Arc::default(),
            succession: Arc::default(),
        },
        Queues {
            lines: line_queue,
            bulk: bulk_queue,
        },
    )
}

impl Outbox {
    /// Whether another request may be in flight at once; then it is, as by
    /// [`Outbox::admit_request`].
    pub(super) fn try_admit_request(&self) -> bool {
        let place = self.in_flight.try_acquire();
        place.map(SemaphorePermit::forget).is_ok()
    }

    /// Waits until another request may be in flight. Its answer, [`Outbox::reply`], gives the
    /// place back.
    pub(super) async fn admit_request(&self) {
        self.in_flight
            .acquire()
            .await
            .expect("the semaphore is never closed")
            .forget();
    }

    /// Has the answer to `hello` tell how the hub came to its key, which the core does not know.
    pub(super) fn add_to_hello(&self, succession: Vec<Succession>) {
        // A second `hello` is refused.
        let _ = self.succession.set(succession);
    }

    /// Answers a call. Nobody hears it where the connection is gone.
    pub(super) async fn reply(&self, id: &RequestId, mut result: Result<Reply, RpcError>) {
        match &mut result {
            Ok(Reply::Login(_)) => self.logged_in.store(true, Ordering::Relaxed),
            Ok(Reply::Hello(reply)) => {
                reply.succession = self.succession.get().cloned().unwrap_or_default();
            }
            _ => {}
        }
        let _ = self
            .lines
            .send(Outgoing::Line(encode_result(id, &result)))
            .await;
        self.in_flight.add_permits(1);
    }

    /// As [`Outbox::reply`], for threads.
    pub(super) fn reply_blocking(&self, id: &RequestId, result: &Result<Reply, RpcError>) {
        let _ = self
            .lines
            .blocking_send(Outgoing::Line(encode_result(id, result)));
        self.in_flight.add_permits(1);
    }

    /// Whether the device has been told that its login succeeded.
    pub(super) fn is_logged_in(&self) -> bool {
        self.logged_in.load(Ordering::Relaxed)
    }

    /// Answers what was no request with an id of its own.
    pub(super) async fn complain(&self, id: Option<&RequestId>, error: &RpcError) {
        let _ = self
            .lines
            .send(Outgoing::Line(encode_error(id, error)))
            .await;
    }

    pub(super) async fn notify(&self, notification: &HubNotification) {
        let _ = self
            .lines
            .send(Outgoing::Line(encode_notification(notification)))
            .await;
    }

    pub(super) fn notify_blocking(&self, notification: &HubNotification) {
        let _ = self
            .lines
            .blocking_send(Outgoing::Line(encode_notification(notification)));
    }

    /// A download's chunk with its line, or the line that ends it, in the order they are put.
    pub(super) fn bulk_blocking(&self, bytes: Vec<u8>) -> Result<(), Gone> {
        self.bulk.blocking_send(bytes).map_err(|_| Gone)
    }

    /// Writes what is queued, then closes the connection.
    pub(super) async fn close(&self) {
        let _ = self.lines.send(Outgoing::Close).await;
    }
}

fn encode_result(id: &RequestId, result: &Result<Reply, RpcError>) -> Vec<u8> {
    match result {
        Ok(reply) => encode_reply(id, reply),
        Err(error) => encode_error(Some(id), error),
    }
}

/// Writes until the outbox is closed or the device takes nothing more; then closes the stream.
pub(super) async fn write(stream: impl AsyncWrite + Unpin, mut queues: Queues) {
    let mut stream = BufWriter::with_capacity(LINE_BUFFER, stream);
    if let Err(error) = write_queued(&mut stream, &mut queues).await {
        tracing::debug!(%error, "cannot write to the device");
    }
    let _ = in_time(stream.shutdown()).await;
}

async fn write_queued(
    stream: &mut BufWriter<impl AsyncWrite + Unpin>,
    queues: &mut Queues,
) -> io::Result<()> {
    loop {
        if queues.lines.is_empty() && queues.bulk.is_empty() {
            in_time(stream.flush()).await?;
        }
        let bytes = tokio::select! {
            biased;
            Some(outgoing) = queues.lines.recv() => match outgoing {
                Outgoing::Line(line) => line,
                Outgoing::Close => return in_time(stream.flush()).await,
            },
            Some(bytes) = queues.bulk.recv() => bytes,
            else => return in_time(stream.flush()).await,
        };
        for piece in bytes.chunks(WRITE_SIZE) {
            in_time(stream.write_all(piece)).await?;
        }
    }
}

async fn in_time<T>(write: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let deadline: Duration = limits::WRITE_DEADLINE;
    tokio::time::timeout(deadline, write)
        .await
        .map_err(|_| io::ErrorKind::TimedOut)?
}
