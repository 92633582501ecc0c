//! Downloads: read, checked and sent. A thread is taken for each piece that is read, and none while
//! a device does not take what was sent.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetlink_core::{Input, Part, SegmentRef, Snapshot, StoreError, rpc_error_of_store};
use fleetlink_proto::control::{
    Done, DownloadNumber, ErrorCode, HubNotification, OpenDownloadReply, Reply, RequestId,
    RpcError, encode_notification,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::SessionContext;
use super::contained::contained;
use super::order::{Order, Pending, Subject};
use super::outbox::{Gone, Outbox, Place};
use super::reader::no_such_transfer;
use super::wait::HubTurn;
use crate::driver::{DriverGone, StartDownload};
use crate::hashing::Hashing;

/// Bytes of one chunk.
const CHUNK_BYTES: u32 = 128 * 1024;

/// The open downloads of one session. One allocation for all that know it.
#[derive(Clone)]
pub(super) struct Downloads(Arc<Shared>);

pub(super) struct Shared {
    turn: HubTurn,
    hub: Arc<SessionContext>,
    outbox: Outbox,
    order: Order,
    table: Mutex<Table>,
    /// Wakes the reader when a download is decided.
    decided: Notify,
}

impl Deref for Downloads {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

#[derive(Default)]
struct Table {
    /// The number of downloads that have begun.
    begun: u64,
    open: BTreeMap<DownloadNumber, Open>,
    /// Calls that open a download under a number of the device's choice, until they are decided.
    opening: Vec<(RequestId, DownloadNumber)>,
}

/// A download that has begun and not ended.
struct Open {
    /// Tells it from a later one of its number.
    serial: u64,
    stop: CancellationToken,
    /// The call that has cancelled it. It is answered at the end.
    cancelled_by: Option<(RequestId, Pending)>,
}

/// The reason for which a download ended before its end.
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
    pub(super) fn new(
        turn: HubTurn,
        hub: Arc<SessionContext>,
        outbox: Outbox,
        order: Order,
    ) -> Self {
        Downloads(Arc::new(Shared {
            turn,
            hub,
            outbox,
            order,
            table: Mutex::default(),
            decided: Notify::new(),
        }))
    }

    /// A call opens a download under this number: a call that cancels it waits for the decision.
    /// `false` where a call of the same id waits for its answer.
    pub(super) fn opening(&self, id: &RequestId, download: DownloadNumber) -> bool {
        let mut table = self.table();
        let is_new = table.opening.iter().all(|(found, _)| found != id);
        if is_new {
            table.opening.push((id.clone(), download));
        }
        is_new
    }

    /// A call is answered: if it was to open a download, that does not begin.
    pub(super) fn replied(&self, id: &RequestId, result: &Result<Reply, RpcError>) {
        if result.is_err() {
            self.table().opening.retain(|(found, _)| found != id);
            self.decided.notify_waiters();
        }
    }

    /// Begins a download.
    pub(super) fn start(&self, start: StartDownload) {
        let stop = CancellationToken::new();
        let mut table = self.table();
        table.begun += 1;
        let serial = table.begun;
        let open = Open {
            serial,
            stop: stop.clone(),
            cancelled_by: None,
        };
        table.open.insert(start.download, open);
        table.opening.retain(|(found, _)| *found != start.id);
        drop(table);
        self.decided.notify_waiters();
        let downloads = self.clone();
        let span = self.outbox.span_of(&start.id);
        let running = async move { downloads.run(start, serial, stop).await };
        tokio::spawn(running.instrument(span));
    }

    /// Ends a download early. The call is answered behind the last chunk, when the number is free.
    pub(super) async fn cancel(&self, id: RequestId, download: DownloadNumber) {
        self.until_decided(download).await;
        // What follows, and takes the place, waits for the end.
        let pending = self.order.begin(Subject::download()).await;
        let Err((id, pending)) = self.note_cancelled(download, id, pending) else {
            return;
        };
        pending.end(None).await;
        // Behind what is still said of an earlier download of the number.
        let refused = Err(no_such_transfer("download", download));
        if let Ok(place) = self.outbox.bulk().await {
            place.reply(&id, refused);
        }
    }

    /// Stops a download that is open; back where it is not, or is cancelled already.
    fn note_cancelled(
        &self,
        download: DownloadNumber,
        id: RequestId,
        pending: Pending,
    ) -> Result<(), (RequestId, Pending)> {
        let mut table = self.table();
        let open = table.open.get_mut(&download);
        let Some(open) = open.filter(|open| open.cancelled_by.is_none()) else {
            return Err((id, pending));
        };
        open.cancelled_by = Some((id, pending));
        open.stop.cancel();
        Ok(())
    }

    /// Forgets a download that has ended; the call that has cancelled it. A later one that has its
    /// number by now stays.
    fn take_ended(&self, download: DownloadNumber, serial: u64) -> Option<(RequestId, Pending)> {
        let mut table = self.table();
        let open = table.open.get(&download)?;
        let ended = (open.serial == serial).then(|| table.open.remove(&download));
        ended.flatten()?.cancelled_by
    }

    async fn until_decided(&self, download: DownloadNumber) {
        loop {
            let mut decided = std::pin::pin!(self.decided.notified());
            decided.as_mut().enable();
            let is_decided = |(_, number): &(RequestId, DownloadNumber)| *number != download;
            if self.table().opening.iter().all(is_decided) {
                return;
            }
            decided.await;
        }
    }

    /// Ends all downloads early.
    pub(super) fn cancel_all(&self) {
        let table = self.table();
        table.open.values().for_each(|open| open.stop.cancel());
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self, start: StartDownload, serial: u64, stop: CancellationToken) {
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
            stop,
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
        self.end((download, serial), last).await;
    }

    /// Tells of the end, behind the chunks, not past them. The core hears of it before the device
    /// does, so that the device may use the number again.
    async fn end(&self, (download, serial): (DownloadNumber, u64), last: Option<HubNotification>) {
        let place = self.outbox.bulk().await;
        let ended = Input::DownloadEnded {
            session: self.turn.session(),
            download,
        };
        // Without a driver there is nobody left who counts.
        let _ = self.hub.driver.input(ended).await;
        match (self.take_ended(download, serial), place) {
            (Some((id, pending)), place) => {
                if let Ok(place) = place {
                    place.reply(&id, Ok(Reply::Done(Done {})));
                }
                pending.end(None).await;
            }
            (None, Ok(place)) => {
                if let Some(last) = last {
                    place.notify(&last);
                }
            }
            (None, Err(Gone)) => {}
        }
    }
}

/// One download that is on its way.
struct Sending<'a> {
    downloads: &'a Downloads,
    download: DownloadNumber,
    stop: CancellationToken,
    hashing: Hashing,
    bytes: u64,
}

impl<'a> Sending<'a> {
    async fn send(&mut self, snapshot: &Snapshot) -> Result<(), Ended> {
        for part in snapshot.parts() {
            match part {
                Part::Newline => {
                    let place = self.place().await?;
                    place.chunk(self.chunk(b"\n")?);
                }
                Part::Segment(segment) => self.send_segment(segment).await?,
            }
        }
        Ok(())
    }

    async fn send_segment(&mut self, segment: &SegmentRef) -> Result<(), Ended> {
        let Shared { turn, hub, .. } = &**self.downloads;
        let opening = turn.alive(hub.store.open_segment(segment.clone())).await;
        let opened = opening.map_err(|DriverGone| Ended::Early)?;
        let mut reader = opened.map_err(unreadable)?;
        loop {
            // First the place: a device that takes nothing has no chunk read.
            let place = self.place().await?;
            let reading = move || {
                let mut buffer = vec![0; CHUNK_BYTES as usize];
                let read = reader.read(&mut buffer);
                (reader, buffer, read)
            };
            let (read_on, buffer, read) = turn.at_disk(reading).await;
            reader = read_on;
            match read.map_err(unreadable)? {
                0 => return Ok(()),
                read => place.chunk(self.chunk(&buffer[..read])?),
            }
        }
    }

    /// Waits for the place of the next chunk, unless the download ends early.
    async fn place(&self) -> Result<Place<'a>, Ended> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Ended::Early),
            place = self.downloads.outbox.bulk() => Ok(place?),
        }
    }

    /// The next chunk with its line, unless the download has ended early.
    fn chunk(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Ended> {
        if self.stop.is_cancelled() {
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
