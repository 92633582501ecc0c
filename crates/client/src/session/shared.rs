//! The state that the tasks of a session share: calls that wait for their replies, open uploads and
//! downloads, the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fleetlink_proto::HubTime;
use fleetlink_proto::control::limits::WRITE_DEADLINE;
use fleetlink_proto::control::{
    AbortUpload, CancelDownload, DownloadNumber, Request, RequestId, RpcError, UploadNumber,
    encode_request,
};
use serde::Deserialize as _;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::closed::Closed;
use super::transfer::DownloadEvent;
use super::writer::GIVE_UP_ID;
use crate::HubClock;
use crate::limits::DOWNLOAD_QUEUE;

/// The upload or download that a call opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opens {
    Nothing,
    Upload,
    Download,
}

/// A hub's answer, with the way to hear of the transfer that it opened. The reader makes that way
/// before it reads on, so nothing of the transfer is missed.
pub(super) struct CallReply {
    pub(super) value: Value,
    pub(super) transfer: Option<Transfer>,
}

pub(super) enum Transfer {
    Upload(UploadNumber, oneshot::Receiver<RpcError>),
    Download(DownloadNumber, mpsc::Receiver<DownloadEvent>),
}

type ReplySender = oneshot::Sender<Result<CallReply, RpcError>>;

#[derive(Default)]
struct Open {
    calls: HashMap<i64, (Opens, ReplySender)>,
    uploads: HashMap<UploadNumber, oneshot::Sender<RpcError>>,
    downloads: HashMap<DownloadNumber, mpsc::Sender<DownloadEvent>>,
}

/// The signs of the hub's life.
struct Life {
    /// The time at which the hub was heard, or the network accepted bytes of an upload.
    last: Instant,
    /// Pings sent, which is also the last one's number.
    pings: i64,
    /// The ping whose answer says that every byte of an upload has arrived.
    awaited: Option<i64>,
}

pub(super) struct Shared {
    open: Mutex<Open>,
    closed: watch::Sender<Option<Closed>>,
    life: Mutex<Life>,
    /// Set right by each answer that tells the time.
    pub(super) clock: HubClock,
    control: mpsc::WeakSender<Vec<u8>>,
}

impl Shared {
    pub(super) fn new(control: mpsc::WeakSender<Vec<u8>>) -> Self {
        Shared {
            open: Mutex::default(),
            closed: watch::channel(None).0,
            life: Mutex::new(Life {
                last: Instant::now(),
                pings: 0,
                awaited: None,
            }),
            clock: HubClock::default(),
            control,
        }
    }

    /// Runs a part of the session. Where it dies, the session is over: nobody waits for it in vain.
    pub(super) fn part(self: &Arc<Self>, part: impl Future<Output = ()> + Send + 'static) {
        let shared = Arc::clone(self);
        let running = tokio::spawn(part);
        tokio::spawn(async move {
            if let Err(died) = running.await {
                shared.close(Closed::Lost(died.to_string()));
            }
        });
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the hub was heard.
    pub(super) fn show_life(&self) {
        self.life().last = Instant::now();
    }

    /// Notes that the network took some of an upload's bytes. Answers come behind them, so the next
    /// ping's is the first that says anything about a hub that is slow to be heard.
    pub(super) fn bulk_written(&self) {
        let mut life = self.life();
        life.last = Instant::now();
        life.awaited = Some(life.pings + 1);
    }

    /// The id of the next ping: below every other call's.
    pub(super) fn next_ping(&self) -> i64 {
        let mut life = self.life();
        life.pings += 1;
        -life.pings
    }

    fn ping_answered(&self, ping: i64) {
        self.life().awaited.take_if(|awaited| *awaited <= ping);
    }

    /// The time at which the hub counts as gone, and the silence until then. While bytes of an upload are
    /// on their way, the hub's replies wait behind them, so it has as much time as a write has.
    pub(super) fn gone_at(&self, keep_alive: Duration) -> (Instant, Duration) {
        let life = self.life();
        let silence = match life.awaited {
            None => keep_alive * 2,
            Some(_) => (keep_alive * 2).max(WRITE_DEADLINE),
        };
        (life.last + silence, silence)
    }

    pub(super) fn is_closed(&self) -> Option<Closed> {
        self.closed.borrow().clone()
    }

    pub(super) async fn closed(&self) -> Closed {
        let mut changes = self.closed.subscribe();
        let closed = changes.wait_for(Option::is_some).await;
        closed.ok().and_then(|c| c.clone()).unwrap_or(Closed::Left)
    }

    /// Ends the session, unless it is over: the first reason counts. Whoever waits hears it.
    pub(super) fn close(&self, why: Closed) {
        let first = self.closed.send_if_modified(|closed| {
            let first = closed.is_none();
            closed.get_or_insert(why);
            first
        });
        if first {
            let closed = self.is_closed();
            tracing::debug!(?closed, "session closed");
            *self.open() = Open::default();
        }
    }

    /// Expects the answer to a call until the returned guard is dropped. Whoever waits for it hears
    /// at once where the session is over.
    pub(super) fn expect(self: &Arc<Self>, id: i64, opens: Opens, answer: ReplySender) -> Forget {
        self.open().calls.insert(id, (opens, answer));
        // Closing sets the reason before it empties the table, so no call is left behind in it.
        if self.is_closed().is_some() {
            self.open().calls.remove(&id);
        }
        Forget {
            shared: Arc::clone(self),
            id,
        }
    }

    /// Hands an answer to its caller.
    pub(super) fn answered(&self, id: &RequestId, result: Result<Value, RpcError>) {
        let RequestId::Number(id) = *id else { return };
        if let Ok(value) = &result {
            self.hear_time(value);
        }
        let Some((opens, caller)) = self.open().calls.remove(&id) else {
            match id {
                GIVE_UP_ID => {}
                ping if ping < GIVE_UP_ID => self.ping_answered(-ping),
                id => tracing::debug!(id, "an answer that nobody waits for"),
            }
            return;
        };
        let answer = result.map(|value| {
            let transfer = self.register(opens, &value);
            CallReply { value, transfer }
        });
        if let Err(Ok(CallReply {
            transfer: Some(transfer),
            ..
        })) = caller.send(answer)
        {
            self.give_up(&match transfer {
                Transfer::Upload(id, _) => Request::AbortUpload(AbortUpload { upload: id }),
                Transfer::Download(id, _) => {
                    Request::CancelDownload(CancelDownload { download: id })
                }
            });
        }
    }

    fn hear_time(&self, answer: &Value) {
        let told = answer.get("clock").map(HubTime::deserialize);
        if let Some(Ok(time)) = told {
            self.clock.set(time);
        }
    }

    fn register(&self, opens: Opens, value: &Value) -> Option<Transfer> {
        match opens {
            Opens::Nothing => None,
            Opens::Upload => {
                let id = value.get("upload")?.as_u64()?.into();
                Some(Transfer::Upload(id, self.expect_failure(id)))
            }
            Opens::Download => {
                let id = value.get("download")?.as_u64()?.into();
                let (sender, receiver) = mpsc::channel(DOWNLOAD_QUEUE);
                self.open().downloads.insert(id, sender);
                Some(Transfer::Download(id, receiver))
            }
        }
    }

    /// Listens for the failure of an upload whose number the device has chosen.
    pub(super) fn expect_failure(&self, upload: UploadNumber) -> oneshot::Receiver<RpcError> {
        let (failed, failure) = oneshot::channel();
        self.open().uploads.insert(upload, failed);
        failure
    }

    pub(super) fn upload_failed(&self, upload: UploadNumber, error: RpcError) {
        if let Some(failed) = self.open().uploads.remove(&upload) {
            // Whoever sent it may have stopped meanwhile.
            let _ = failed.send(error);
        }
    }

    pub(super) fn download(&self, download: DownloadNumber) -> Option<mpsc::Sender<DownloadEvent>> {
        self.open().downloads.get(&download).cloned()
    }

    pub(super) fn forget_upload(&self, upload: UploadNumber) {
        self.open().uploads.remove(&upload);
    }

    pub(super) fn forget_download(&self, download: DownloadNumber) {
        self.open().downloads.remove(&download);
    }

    /// Sends a call whose answer nobody needs; dropped where the queue is full, for then the
    /// session is about to end.
    pub(super) fn give_up(&self, request: &Request) {
        if let Some(control) = self.control.upgrade() {
            let line = encode_request(&RequestId::Number(GIVE_UP_ID), request);
            let _ = control.try_send(line);
        }
    }
}

/// Forgets a call when its caller stops waiting.
pub(super) struct Forget {
    shared: Arc<Shared>,
    id: i64,
}

impl Forget {
    /// Waits until the session is over, and says why.
    pub(super) async fn closed(&self) -> Closed {
        self.shared.closed().await
    }
}

impl Drop for Forget {
    fn drop(&mut self) {
        let mut open = self.shared.open();
        // What an answer opens must be closed again, so that answer is still waited for.
        if let Some((Opens::Nothing, _)) = open.calls.get(&self.id) {
            open.calls.remove(&self.id);
        }
    }
}
