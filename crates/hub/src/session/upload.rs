//! Uploads: parsed, hashed and staged while they arrive. A thread is taken for each block that is
//! written, and none while a device sends nothing.

mod blocks;
mod feeder;
mod idle;
mod run;
mod taking_over;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetlink_proto::control::{
    CommitUpload, OpenUploadReply, Receipt, Reply, RequestId, RpcError, UploadNumber,
};
use fleetlink_proto::{DataFile, IdempotencyKey};
use tokio::sync::{Notify, mpsc};
use tracing::Instrument as _;

use self::blocks::Blocks;
pub(super) use self::feeder::{BLOCK_TIME, UploadFeeder};
pub(crate) use self::idle::HubUploads;
use self::idle::Progress;
use self::run::Run;
pub(crate) use self::taking_over::stage;
use super::SessionContext;
use super::claims::Held;
use super::order::{Order, Pending};
use super::outbox::Outbox;
use super::wait::HubTurn;
use crate::driver::StartUpload;

/// Blocks that may wait for the upload's disk; then nothing more is read from the device.
const BLOCK_QUEUE: usize = 3;
/// Receipts of a session that are answered again.
const RECEIPTS: usize = 64;

/// Begins uploads; the core has allowed them. One allocation for all of a session that know it: each
/// byte of it counts, because most sessions are idle.
#[derive(Clone)]
pub(super) struct Uploads(Arc<Shared>);

pub(super) struct Shared {
    turn: HubTurn,
    hub: Arc<SessionContext>,
    outbox: Outbox,
    order: Order,
    feeds: Mutex<Feeds>,
    /// Wakes the reader when an upload is decided.
    decided: Notify,
}

impl Deref for Uploads {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// The ways to the uploads that wait for bytes; none can be opened once the session has ended.
#[derive(Default)]
struct Feeds {
    open: BTreeMap<UploadNumber, Feed>,
    /// Calls that open an upload under a number of the device's choice, until they are decided.
    opening: Vec<(RequestId, UploadNumber)>,
    /// Calls that commit an upload, until they are answered.
    committing: Vec<(RequestId, UploadNumber)>,
    /// The receipts of the session's last uploads, for who asks again.
    receipts: VecDeque<(UploadNumber, Receipt)>,
    closed: bool,
}

/// The way to an upload.
#[derive(Clone)]
struct Feed {
    file: DataFile,
    key: IdempotencyKey,
    pieces: mpsc::Sender<Piece>,
    blocks: Blocks,
    progress: Progress,
}

pub(super) enum Piece {
    Block(Vec<u8>),
    Commit {
        id: RequestId,
        commit: CommitUpload,
        pending: Pending,
    },
    Abort {
        id: RequestId,
        pending: Pending,
    },
    /// Another session of the device goes on with this upload.
    TakenOver,
}

/// The upload's end of a [`Feed`].
struct Intake {
    queue: mpsc::Receiver<Piece>,
    blocks: Blocks,
    progress: Progress,
    /// Calls that came too late: they are refused at the end.
    late: Vec<(RequestId, Pending)>,
    /// Others reach the upload for as long.
    _held: Held,
}

impl Uploads {
    pub(super) fn new(
        turn: HubTurn,
        hub: Arc<SessionContext>,
        outbox: Outbox,
        order: Order,
    ) -> Self {
        Uploads(Arc::new(Shared {
            turn,
            hub,
            outbox,
            order,
            feeds: Mutex::default(),
            decided: Notify::new(),
        }))
    }

    /// The way of the session's calls to the core.
    pub(super) fn order(&self) -> Order {
        self.order.clone()
    }

    /// Begins an upload, which answers `upload.open` when it is ready.
    pub(super) fn start(&self, start: StartUpload) {
        let uploads = self.clone();
        let span = self.outbox.span_of(&start.id);
        let running = async move { Box::pin(Run::new(&uploads, start).run()).await };
        tokio::spawn(running.instrument(span));
    }

    /// A call is answered: if it was to open or to commit an upload, that is decided.
    pub(super) fn replied(&self, id: &RequestId, result: &Result<Reply, RpcError>) {
        let mut feeds = self.feeds();
        let Feeds {
            opening,
            committing,
            ..
        } = &mut *feeds;
        let number = match result {
            Ok(Reply::OpenUpload(_)) => take(opening, id),
            Ok(Reply::Committed(_)) => take(committing, id),
            Ok(_) => None,
            Err(_) => take(opening, id).or_else(|| take(committing, id)),
        };
        let Some(number) = number else { return };
        if let Ok(
            Reply::Committed(receipt) | Reply::OpenUpload(OpenUploadReply::Committed { receipt }),
        ) = result
        {
            feeds.receipts.retain(|(known, _)| *known != number);
            if feeds.receipts.len() == RECEIPTS {
                feeds.receipts.pop_front();
            }
            feeds.receipts.push_back((number, receipt.clone()));
        }
        self.decided.notify_waiters();
    }

    /// The upload of this number takes bytes, or it does not begin.
    fn decided(&self, upload: UploadNumber) {
        self.feeds().opening.retain(|(_, number)| *number != upload);
        self.decided.notify_waiters();
    }

    /// Ends every upload without a commit: what came of them can be resumed.
    pub(super) fn interrupt_all(&self) {
        *self.feeds() = Feeds {
            closed: true,
            ..Feeds::default()
        };
    }

    fn feeds(&self) -> MutexGuard<'_, Feeds> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn take(calls: &mut Vec<(RequestId, UploadNumber)>, id: &RequestId) -> Option<UploadNumber> {
    let at = calls.iter().position(|(found, _)| found == id)?;
    Some(calls.remove(at).1)
}

impl Feeds {
    /// Adds a feed. If the session has ended, the feed is dropped, and its upload sees the end of the
    /// queue.
    fn insert(&mut self, upload: UploadNumber, feed: Feed) {
        if !self.closed {
            self.open.insert(upload, feed);
        }
    }

    /// Whether a call of this id opens or commits an upload, and is not answered yet: replies are told
    /// apart by their ids.
    fn waits_for(&self, id: &RequestId) -> bool {
        let mut calls = self.opening.iter().chain(&self.committing);
        calls.any(|(found, _)| found == id)
    }

    fn is_undecided(&self, upload: UploadNumber) -> bool {
        let mut calls = self.opening.iter().chain(&self.committing);
        calls.any(|(_, number)| *number == upload)
    }

    /// The receipt of an upload that was committed under this number, with so many bytes.
    fn receipt(&self, commit: &CommitUpload) -> Option<Receipt> {
        let is_open = self.open.contains_key(&commit.upload);
        let fits = |(number, receipt): &&(UploadNumber, Receipt)| {
            *number == commit.upload && receipt.bytes == commit.bytes
        };
        let found = self.receipts.iter().find(fits).filter(|_| !is_open);
        found.map(|(_, receipt)| receipt.clone())
    }

    /// Removes the feed with these blocks, and no other one that has its number by now.
    fn remove(&mut self, upload: UploadNumber, blocks: &Blocks) {
        let found = self.open.get(&upload);
        if found.is_some_and(|feed| feed.blocks.is(blocks)) {
            self.open.remove(&upload);
        }
    }
}
