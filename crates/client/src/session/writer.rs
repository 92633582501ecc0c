//! The task that writes to the hub. Calls go before chunks, so no call waits for more than one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use fleetlink_proto::control::limits::{WRITE_DEADLINE, ping_interval};
use fleetlink_proto::control::{
    DeviceNotification, Request, RequestId, UploadNumber, encode_notification, encode_request,
};
use tokio::io::{AsyncWriteExt as _, WriteHalf};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::closed::Closed;
use super::shared::Shared;
use crate::connect::Stream;

/// The id of calls whose answers are not waited for. Pings have the ids below it.
pub(super) const GIVE_UP_ID: i64 = 0;
/// The time in which the end of the stream must be written.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(1);

/// A piece of an upload, at most [`fleetlink_proto::control::limits::MAX_CHUNK_BYTES`] long.
pub(super) struct Chunk {
    pub(super) upload: UploadNumber,
    pub(super) body: Vec<u8>,
}

/// Something that is written when no call waits.
pub(super) enum Bulk {
    Chunk(Chunk),
    /// The calls and the bytes of a whole upload; says when they are written.
    Flight(Vec<u8>, oneshot::Sender<()>),
    /// Says that every chunk before it is written: a commit must not overtake one.
    Barrier(oneshot::Sender<()>),
}

pub(super) struct Queues {
    pub(super) control: mpsc::Receiver<Vec<u8>>,
    pub(super) chunks: mpsc::Receiver<Bulk>,
    pub(super) keep_alive: watch::Receiver<Duration>,
}

pub(super) async fn run(
    mut half: WriteHalf<Box<dyn Stream>>,
    mut queues: Queues,
    shared: Arc<Shared>,
) {
    tokio::select! {
        _ = shared.closed() => {}
        ended = write_all(&mut half, &mut queues, &shared) => shared.close(match ended {
            Ok(()) => Closed::Left,
            Err(e) => Closed::lost(&e),
        }),
    }
    let _ = timeout(SHUTDOWN_DEADLINE, half.shutdown()).await;
}

/// Ends when nobody can send any more.
async fn write_all(
    half: &mut WriteHalf<Box<dyn Stream>>,
    queues: &mut Queues,
    shared: &Shared,
) -> io::Result<()> {
    let mut last_ping = Instant::now();
    loop {
        let next_ping = last_ping + ping_interval(*queues.keep_alive.borrow());
        tokio::select! {
            biased;
            line = queues.control.recv() => match line {
                Some(line) => write(half, &line).await?,
                None => return Ok(()),
            },
            () = sleep_until(next_ping) => {
                last_ping = Instant::now();
                let id = RequestId::Number(shared.next_ping());
                write(half, &encode_request(&id, &Request::Ping)).await?;
            }
            // An error says that the session's last handle is gone, which the first arm sees too.
            Ok(()) = queues.keep_alive.changed() => continue,
            Some(bulk) = queues.chunks.recv() => write_next(half, bulk, shared).await?,
        }
        if queues.control.is_empty() && queues.chunks.is_empty() {
            timeout(WRITE_DEADLINE, half.flush()).await??;
        }
    }
}

/// Writes the next thing that waited behind the calls. Nobody may wait for it any more.
async fn write_next(
    half: &mut WriteHalf<Box<dyn Stream>>,
    bulk: Bulk,
    shared: &Shared,
) -> io::Result<()> {
    match bulk {
        Bulk::Chunk(Chunk { upload, body }) => {
            let Ok(bytes) = u32::try_from(body.len()) else {
                return Ok(());
            };
            let line = encode_notification(&DeviceNotification::UploadChunk { upload, bytes });
            write(half, &line).await?;
            write_bulk(half, &body, shared).await?;
        }
        Bulk::Flight(bytes, written) => {
            write_bulk(half, &bytes, shared).await?;
            let _ = written.send(());
        }
        Bulk::Barrier(passed) => {
            let _ = passed.send(());
        }
    }
    Ok(())
}

/// Writes everything; each step has a deadline, not the whole, however slow the network is.
async fn write(half: &mut WriteHalf<Box<dyn Stream>>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        bytes = &bytes[write_some(half, bytes).await?..];
    }
    Ok(())
}

/// Writes a chunk's bytes. Every step shows life: what is unsent is bounded, so the network has
/// taken what came before, however late the hub's answers come behind a slow upload. A ping's step
/// would prove nothing: buffers take those.
async fn write_bulk(
    half: &mut WriteHalf<Box<dyn Stream>>,
    mut bytes: &[u8],
    shared: &Shared,
) -> io::Result<()> {
    while !bytes.is_empty() {
        bytes = &bytes[write_some(half, bytes).await?..];
        shared.bulk_written();
    }
    Ok(())
}

async fn write_some(half: &mut WriteHalf<Box<dyn Stream>>, bytes: &[u8]) -> io::Result<usize> {
    match timeout(WRITE_DEADLINE, half.write(bytes)).await?? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        written => Ok(written),
    }
}
