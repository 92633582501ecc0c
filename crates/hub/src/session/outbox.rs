//! The output queue of a session: answers first, downloads between them.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fleetlink_proto::HashAlgorithm;
use fleetlink_proto::control::{
    HubNotification, Reply, Request, RequestId, RpcError, encode_error, encode_notification,
    encode_reply, limits,
};
use fleetlink_proto::succession::Succession;
use tokio::io::{AsyncWrite, AsyncWriteExt, BufWriter};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use super::spans::Spans;
use super::unread::{Counted, HubUnread, Unread};

/// Lines that may wait to be written; whoever adds one more waits.
const LINE_QUEUE: usize = limits::MAX_REQUESTS_IN_FLIGHT + 16;
/// Download chunks that may wait to be written, in all downloads of a session.
const BULK_QUEUE: usize = 1;
/// The interval at which a write that makes no progress is looked at.
const WRITE_TICK: Duration = Duration::from_secs(1);
/// The buffer for short lines; a longer line is written as it is.
const LINE_BUFFER: usize = 1024;

/// The queues for the replies, notifications and download chunks of one session.
#[derive(Clone)]
pub(super) struct Outbox {
    lines: mpsc::Sender<Box<Outgoing>>,
    bulk: mpsc::Sender<Box<Bulk>>,
    unread: Arc<Unread>,
    /// Cancelled where too much is unread.
    overflow: CancellationToken,
    logged_in: Arc<AtomicBool>,
    succession: Arc<OnceLock<Vec<Succession>>>,
    hash: Arc<OnceLock<HashAlgorithm>>,
    spans: Spans,
}

/// The other end of an [`Outbox`]. In boxes: a queue has room for 32 of what it carries from its
/// beginning, and most sessions are idle.
pub(super) struct Queues {
    lines: mpsc::Receiver<Box<Outgoing>>,
    bulk: mpsc::Receiver<Box<Bulk>>,
    unread: Arc<Unread>,
}

enum Outgoing {
    /// A line, and what is to be given back when it is written.
    Line(Vec<u8>, Counted),
    Close,
}

/// Something that is written in its order with the chunks of downloads.
enum Bulk {
    Chunk(Vec<u8>),
    /// A line that must not overtake a chunk, counted like any other line.
    Line(Vec<u8>, Counted),
}

/// The place in the queue for a download's next chunk, or for the line behind its last one.
pub(super) struct Place<'a> {
    outbox: &'a Outbox,
    permit: mpsc::Permit<'a, Box<Bulk>>,
}

/// The session's connection is gone.
#[derive(Debug)]
pub(super) struct Gone;

pub(super) fn open(hub: HubUnread, overflow: CancellationToken, spans: Spans) -> (Outbox, Queues) {
    let (lines, line_queue) = mpsc::channel(LINE_QUEUE);
    let (bulk, bulk_queue) = mpsc::channel(BULK_QUEUE);
    let unread = Arc::new(Unread::new(hub));
    (
        Outbox {
            lines,
            bulk,
            unread: Arc::clone(&unread),
            overflow,
            logged_in: Arc::default(),
            succession: Arc::default(),
            hash: Arc::default(),
            spans,
        },
        Queues {
            lines: line_queue,
            bulk: bulk_queue,
            unread,
        },
    )
}

impl Outbox {
    /// Whether this call may be in flight at once; then it is, as by [`Outbox::admit_request`].
    pub(super) fn try_admit_request(&self, id: &RequestId, request: &Request) -> bool {
        let admitted = self.unread.try_admit(id, request);
        if admitted {
            self.spans.begin(id, request);
        }
        admitted
    }

    /// The span of a call that is not answered yet.
    pub(super) fn span_of(&self, id: &RequestId) -> Span {
        self.spans.of(id)
    }

    /// Waits until this call may be in flight. Its answer, [`Outbox::reply`], gives the place back
    /// once the device has taken it.
    pub(super) async fn admit_request(&self, id: &RequestId, request: &Request) {
        self.unread.admit(id, request).await;
        self.spans.begin(id, request);
    }

    /// Has the answer to `hello` tell how the hub came to its key, which the core does not know.
    pub(super) fn add_to_hello(&self, succession: Vec<Succession>) {
        // A second `hello` is refused.
        let _ = self.succession.set(succession);
    }

    /// Answers a call. Nobody hears it where the connection is gone.
    pub(super) async fn reply(&self, id: &RequestId, result: Result<Reply, RpcError>) {
        let (line, counted) = self.answer(id, result);
        self.line(line, counted).await;
    }

    /// The line that answers a call, which from here on is answered.
    fn answer(&self, id: &RequestId, mut result: Result<Reply, RpcError>) -> (Vec<u8>, Counted) {
        match &mut result {
            Ok(Reply::Login(_)) => self.logged_in.store(true, Ordering::Relaxed),
            Ok(Reply::Hello(reply)) => {
                let _ = self.hash.set(reply.hash);
                reply.succession = self.succession.get().cloned().unwrap_or_default();
            }
            _ => {}
        }
        self.spans.end(id, &result);
        let line = encode_result(id, &result);
        let counted = self.unread.answered(id, line.len());
        (line, counted)
    }

    /// The hash on which `hello` has agreed.
    pub(super) fn hash(&self) -> HashAlgorithm {
        self.hash.get().copied().unwrap_or_default()
    }

    /// Whether the device has been told that its login succeeded.
    pub(super) fn is_logged_in(&self) -> bool {
        self.logged_in.load(Ordering::Relaxed)
    }

    /// Answers what was no request with an id of its own.
    pub(super) async fn complain(&self, id: Option<&RequestId>, error: &RpcError) {
        self.line(encode_error(id, error), Counted::default()).await;
    }

    pub(super) async fn notify(&self, notification: &HubNotification) {
        let line = encode_notification(notification);
        self.line(line, Counted::default()).await;
    }

    /// Nobody hears it where the connection is gone.
    async fn line(&self, line: Vec<u8>, counted: Counted) {
        self.count(line.len());
        let line = Box::new(Outgoing::Line(line, counted));
        let _ = self.lines.send(line).await;
    }

    fn count(&self, bytes: usize) {
        if self.unread.add(bytes) {
            self.overflow.cancel();
        }
    }

    /// Waits until a download's chunk with its line, or the line that ends it, can be put: in the
    /// order in which they are put they are written.
    pub(super) async fn bulk(&self) -> Result<Place<'_>, Gone> {
        let permit = self.bulk.reserve().await.map_err(|_| Gone)?;
        Ok(Place {
            outbox: self,
            permit,
        })
    }

    /// Writes what is queued, then closes the connection.
    pub(super) async fn close(&self) {
        let _ = self.lines.send(Box::new(Outgoing::Close)).await;
    }
}

impl Place<'_> {
    /// Puts a chunk with its line.
    pub(super) fn chunk(self, chunk: Vec<u8>) {
        self.permit.send(Box::new(Bulk::Chunk(chunk)));
    }

    /// Puts a notification behind the chunks.
    pub(super) fn notify(self, notification: &HubNotification) {
        self.chunk(encode_notification(notification));
    }

    /// Answers a call behind the chunks.
    pub(super) fn reply(self, id: &RequestId, result: Result<Reply, RpcError>) {
        let (line, counted) = self.outbox.answer(id, result);
        self.outbox.count(line.len());
        self.permit.send(Box::new(Bulk::Line(line, counted)));
    }
}

fn encode_result(id: &RequestId, result: &Result<Reply, RpcError>) -> Vec<u8> {
    match result {
        Ok(reply) => encode_reply(id, reply),
        Err(error) => encode_error(Some(id), error),
    }
}

/// Writes until the outbox is closed or the device takes nothing more; then closes the stream.
///
/// # Errors
/// `TimedOut` where the device has not taken anything for too long.
pub(super) async fn write(stream: impl AsyncWrite + Unpin, mut queues: Queues) -> io::Result<()> {
    let unread = Arc::clone(&queues.unread);
    let mut stream = BufWriter::with_capacity(LINE_BUFFER, stream);
    write_queued(&mut stream, &mut queues).await?;
    let _ = in_time(&unread, stream.shutdown()).await;
    Ok(())
}

async fn write_queued(
    stream: &mut BufWriter<impl AsyncWrite + Unpin>,
    queues: &mut Queues,
) -> io::Result<()> {
    let unread = Arc::clone(&queues.unread);
    loop {
        if queues.lines.is_empty() && queues.bulk.is_empty() {
            in_time(&unread, stream.flush()).await?;
        }
        tokio::select! {
            biased;
            Some(outgoing) = queues.lines.recv() => match *outgoing {
                Outgoing::Line(line, counted) => {
                    write_all(&unread, stream, &line).await?;
                    unread.written(line.len(), counted);
                }
                Outgoing::Close => return in_time(&unread, stream.flush()).await,
            },
            Some(bulk) = queues.bulk.recv() => match *bulk {
                Bulk::Chunk(chunk) => write_all(&unread, stream, &chunk).await?,
                Bulk::Line(line, counted) => {
                    write_all(&unread, stream, &line).await?;
                    unread.written(line.len(), counted);
                }
            },
            else => return in_time(&unread, stream.flush()).await,
        }
    }
}

/// Writes all of it, for as long as the device takes some now and then.
async fn write_all(
    unread: &Unread,
    stream: &mut BufWriter<impl AsyncWrite + Unpin>,
    mut bytes: &[u8],
) -> io::Result<()> {
    while !bytes.is_empty() {
        match in_time(unread, stream.write(bytes)).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => bytes = &bytes[written..],
        }
    }
    Ok(())
}

/// One step of a write, for which a device has less time while the hub needs the room.
async fn in_time<T>(unread: &Unread, write: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let mut write = std::pin::pin!(write);
    let mut waited = Duration::ZERO;
    loop {
        match tokio::time::timeout(WRITE_TICK, &mut write).await {
            Ok(written) => return written,
            Err(_) => waited += WRITE_TICK,
        }
        if waited >= unread.patience() {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn no_spans() -> Spans {
        Spans::new(Span::none(), Arc::default())
    }

    fn outbox() -> (Outbox, Queues, CancellationToken) {
        let overflow = CancellationToken::new();
        let (outbox, queues) = open(HubUnread::default(), overflow.clone(), no_spans());
        (outbox, queues, overflow)
    }

    fn end(message: &str) -> HubNotification {
        HubNotification::SessionEnd {
            reason: fleetlink_proto::control::EndReason::Busy,
            message: message.to_owned(),
        }
    }

    #[tokio::test]
    async fn who_takes_nothing_is_given_up_and_who_takes_little_is_not() {
        let patience = Duration::from_secs(2);
        let hub = HubUnread::with_patience(patience);
        let (outbox, queues) = open(hub, CancellationToken::new(), no_spans());
        let (hubs_end, mut device) = tokio::io::duplex(64);
        let long = "x".repeat(200_000);
        outbox.notify(&end(&long)).await;
        let began = Instant::now();
        let writing = tokio::spawn(write(hubs_end, queues));
        // A little now and then, for longer than a write without progress may take.
        while began.elapsed() < patience * 2 {
            tokio::time::sleep(patience / 16).await;
            let mut taken = [0; 64];
            tokio::io::AsyncReadExt::read(&mut device, &mut taken)
                .await
                .unwrap();
            assert!(!writing.is_finished(), "it takes some");
        }
        let error = writing.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn more_unread_than_a_session_may_leave_is_its_end() {
        let (outbox, _queues, overflow) = outbox();
        let line = "x".repeat(limits::MAX_UNREAD_BYTES / 10);
        for _ in 0..9 {
            outbox.notify(&end(&line)).await;
        }
        assert!(!overflow.is_cancelled());
        outbox.notify(&end(&line)).await;
        assert!(overflow.is_cancelled());
    }
}
