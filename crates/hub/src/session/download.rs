//! Downloads: read, checked and sent, each on a thread of its own.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetlink_core::{Input, SegmentRef, SessionId, Snapshot, StoreError, rpc_error_of_store};
use fleetlink_proto::control::{
    Done, ErrorCode, HubNotification, OpenDownloadReply, Reply, RequestId, RpcError,
    encode_notification,
};
use tokio::runtime::Handle;

use super::SessionContext;
use super::outbox::{Gone, Outbox};
use super::reader::no_such_transfer;
use crate::driver::StartDownload;

/// Bytes of one chunk.
const CHUNK_BYTES: u32 = 256 * 1024;

/// The open downloads of one session.
#[derive(Clone)]
pub(super) struct Downloads {
    session: SessionId,
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
    pub(super) fn new(session: SessionId, hub: SessionContext, outbox: Outbox) -> Self {
        Downloads {
            session,
            hub,
            outbox,
            cancelled: Arc::default(),
        }
    }

    /// Begins a download on a thread of its own.
    pub(super) fn start(&self, start: StartDownload) {
        let downloads = self.clone();
        let cancelled = Arc::new(AtomicBool::new(false));
        self.cancelled()
            .insert(start.download, Arc::clone(&cancelled));
        tokio::task::spawn_blocking(move || downloads.run(start, cancelled));
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

    fn run(&self, start: StartDownload, cancelled: Arc<AtomicBool>) {
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
        self.outbox
            .reply_blocking(&id, &Ok(Reply::OpenDownload(open)));
        let mut sending = Sending {
            downloads: self,
            download,
            cancelled,
            hasher: blake3::Hasher::new(),
            bytes: 0,
        };
        let last = match sending.send(&snapshot) {
            Ok(()) => Some(HubNotification::DownloadEnd {
                download,
                bytes: sending.bytes,
                hash: sending.hasher.finalize().into(),
            }),
            Err(Ended::Failed(error)) => Some(HubNotification::DownloadFailed { download, error }),
            Err(Ended::Early) => None,
        };
        if let Some(last) = last {
            // Behind the chunks, not past them.
            let _ = self.outbox.bulk_blocking(encode_notification(&last));
        }
        self.cancelled().remove(&download);
        let ended = Input::DownloadEnded {
            session: self.session,
            download,
        };
        // Without a driver there is nobody left who counts.
        let _ = Handle::current().block_on(self.hub.driver.input(ended));
    }
}

/// One download that is on its way.
struct Sending<'a> {
    downloads: &'a Downloads,
    download: u64,
    cancelled: Arc<AtomicBool>,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl Sending<'_> {
    fn send(&mut self, snapshot: &Snapshot) -> Result<(), Ended> {
        let mut joint = false;
        for segment in &snapshot.segments {
            if joint {
                self.send_chunk(b"\n")?;
            }
            self.send_segment(segment)?;
            joint = segment.ends_open;
        }
        Ok(())
    }

    fn send_segment(&mut self, segment: &SegmentRef) -> Result<(), Ended> {
        let store = &self.downloads.hub.store;
        let opened = Handle::current().block_on(store.open_segment(segment.clone()));
        let mut reader = opened.map_err(unreadable)?;
        let mut buffer = vec![0; CHUNK_BYTES as usize];
        loop {
            match reader.read(&mut buffer).map_err(unreadable)? {
                0 => return Ok(()),
                read => self.send_chunk(&buffer[..read])?,
            }
        }
    }

    fn send_chunk(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Ended::Early);
        }
        let announced = u32::try_from(bytes.len()).unwrap_or(CHUNK_BYTES);
        let (download, bytes_sent) = (self.download, bytes.len() as u64);
        let mut chunk = encode_notification(&HubNotification::DownloadChunk {
            download,
            bytes: announced,
        });
        chunk.extend_from_slice(bytes);
        self.hasher.update(bytes);
        self.bytes += bytes_sent;
        Ok(self.downloads.outbox.bulk_blocking(chunk)?)
    }
}

fn unreadable(error: StoreError) -> Ended {
    let message = "the file was replaced or deleted while it was sent; ask for it again";
    Ended::Failed(match error {
        StoreError::NotFound => RpcError::new(ErrorCode::Conflict, message),
        error => rpc_error_of_store(error, message),
    })
}
