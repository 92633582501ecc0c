//! Downloads: read, checked and sent. A thread is taken for each piece that is read, and none while
//! a device does not take what was sent.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetlink_core::{Input, SegmentRef, Snapshot, StoreError, rpc_error_of_store};
use fleetlink_proto::control::{
    Done, ErrorCode, HubNotification, OpenDownloadReply, Reply, RequestId, RpcError,
    encode_notification,
};

use tracing::Instrument as _;

use super::SessionContext;
use super::contained::contained;
use super::outbox::{Gone, Outbox};
use super::reader::no_such_transfer;
use super::wait::HubTurn;
use crate::driver::{DriverGone, StartDownload};
use crate::hashing::Hashing;

/// Bytes of one chunk.
const CHUNK_BYTES: u32 = 128 * 1024;

/// The open downloads of one session.
#[derive(Clone)]
pub(super) struct Downloads {
    turn: HubTurn,
    hub: SessionContext,
    outbox: Outbox,
    cancelled: Arc<Mutex<BTreeMap<u64, Arc<AtomicBool>>>>,
}

/// Why a download ended before its end.
enum Ended {
    /// The device asked for it, or is gone.
    Early,
    Failed(RpcError),
}

impl From<Gone> for Ended {
    fn from(Gone: Gone) -> Self {
        Ended::Early
    }
}

impl Downloads {
    pub(super) fn new(turn: HubTurn, hub: SessionContext, outbox: Outbox) -> Self {
        Downloads {
            turn,
            hub,
            outbox,
            cancelled: Arc::default(),
        }
    }

    /// Begins a download.
    pub(super) fn start(&self, start: StartDownload) {
        let downloads = self.clone();
        let cancelled = Arc::new(AtomicBool::new(false));
        self.cancelled()
            .insert(start.download, Arc::clone(&cancelled));
        let span = self.outbox.span_of(&start.id);
        let running = async move { downloads.run(start, cancelled).await };
        tokio::spawn(running.instrument(span));
    }

    /// Ends a download early; it sends at most the chunk that it is at.
    pub(super) async fn cancel(&self, id: &RequestId, download: u64) {
        let cancelled = self.cancelled().remove(&download);
        let result = match cancelled {
            Some(cancelled) => {
                cancelled.store(true, Ordering::Relaxed);
                Ok(Reply::Done(Done {}))
            }
            None => Err(no_such_transfer("download", download)),
        };
        self.outbox.reply(id, result).await;
    }

    /// Ends all downloads early.
    pub(super) fn cancel_all(&self) {
        self.cancelled()
            .values()
            .for_each(|cancelled| cancelled.store(true, Ordering::Relaxed));
    }

    fn cancelled(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<AtomicBool>>> {
        self.cancelled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self, start: StartDownload, cancelled: Arc<AtomicBool>) {
        let StartDownload {
            id,
            download,
            snapshot,
        } = start;
        let (bytes, samples, version) = (snapshot.bytes(), snapshot.samples, snapshot.version);
        let open = OpenDownloadReply {
            download,
            bytes,
            samples,
            version,
        };
        self.outbox.reply(&id, Ok(Reply::OpenDownload(open))).await;
        let mut sending = Sending {
            downloads: self,
            download,
            cancelled,
            hashing: Hashing::new(self.outbox.hash()),
            bytes: 0,
        };
        let sent = contained("a download", async { Ok(sending.send(&snapshot).await) }).await;
        let last = match sent.unwrap_or_else(|error| Err(Ended::Failed(error))) {
            Ok(()) => Some(HubNotification::DownloadEnd {
                download,
                bytes: sending.bytes,
                hash: sending.hashing.hash(),
            }),
            Err(Ended::Failed(error)) => Some(HubNotification::DownloadFailed { download, error }),
            Err(Ended::Early) => None,
        };
        // Behind the chunks, not past them.
        let place = self.outbox.bulk().await;
        self.cancelled().remove(&download);
        let ended = Input::DownloadEnded {
            session: self.turn.session(),
            download,
        };
        // The core hears of the end before the device does, so that the device may use the number
        // again. Without a driver there is nobody left who counts.
        let _ = self.hub.driver.input(ended).await;
        if let (Some(last), Ok(place)) = (last, place) {
            place.send(encode_notification(&last));
        }
    }
}

/// One download that is on its way.
struct Sending<'a> {
    downloads: &'a Downloads,
    download: u64,
    cancelled: Arc<AtomicBool>,
    hashing: Hashing,
    bytes: u64,
}

impl Sending<'_> {
    async fn send(&mut self, snapshot: &Snapshot) -> Result<(), Ended> {
        let mut joint = false;
        for segment in &snapshot.segments {
            if joint {
                let place = self.downloads.outbox.bulk().await?;
                place.send(self.chunk(b"\n")?);
            }
            self.send_segment(segment).await?;
            joint = segment.ends_open;
        }
        Ok(())
    }

    async fn send_segment(&mut self, segment: &SegmentRef) -> Result<(), Ended> {
        let Downloads {
            turn, hub, outbox, ..
        } = self.downloads;
        let opening = turn.alive(hub.store.open_segment(segment.clone())).await;
        let opened = opening.map_err(|DriverGone| Ended::Early)?;
        let mut reader = opened.map_err(unreadable)?;
        loop {
            // First the place: a device that takes nothing has no chunk read.
            let place = outbox.bulk().await?;
            let reading = move || {
                let mut buffer = vec![0; CHUNK_BYTES as usize];
                let read = reader.read(&mut buffer);
                (reader, buffer, read)
            };
            let (read_on, buffer, read) = turn.at_disk(reading).await;
            reader = read_on;
            match read.map_err(unreadable)? {
                0 => return Ok(()),
                read => place.send(self.chunk(&buffer[..read])?),
            }
        }
    }

    /// The next chunk with its line, unless the download has ended early.
    fn chunk(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Ended> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Ended::Early);
        }
        let announced = u32::try_from(bytes.len()).unwrap_or(CHUNK_BYTES);
        let mut chunk = encode_notification(&HubNotification::DownloadChunk {
            download: self.download,
            bytes: announced,
        });
        chunk.extend_from_slice(bytes);
        self.hashing.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(chunk)
    }
}

fn unreadable(error: StoreError) -> Ended {
    let message = "the file was replaced or deleted while it was sent; ask for it again";
    Ended::Failed(match error {
        StoreError::NotFound => RpcError::new(ErrorCode::Conflict, message),
        error => rpc_error_of_store(error, message),
    })
}
