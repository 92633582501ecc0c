//! Uploads: parsed, hashed and staged while they arrive, each on a thread of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fleetlink_core::{Input, SessionId, Staged, StoreError};
use fleetlink_proto::control::{
    CommitUpload, Done, ErrorCode, HubNotification, OpenUploadReply, Reply, RequestId, RpcError,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::SessionContext;
use super::claims::UploadName;
use super::outbox::Outbox;
use super::reader::no_such_transfer;
use crate::driver::StartUpload;
use crate::ingest::{Ingest, store_error};
use crate::store::Staging;

/// Bytes that are collected before they are handed to the upload's thread.
const BLOCK_BYTES: usize = 512 * 1024;
/// Blocks that may wait for the upload's thread; then nothing more is read from the device.
const BLOCK_QUEUE: usize = 3;
/// How often, and with which pause, an upload is asked for that an earlier session still has.
const TAKE_OVER_TRIES: u32 = 50;
const TAKE_OVER_PAUSE: Duration = Duration::from_millis(100);

/// Begins uploads; the core has allowed them.
#[derive(Clone)]
pub(super) struct Uploads {
    session: SessionId,
    hub: SessionContext,
    outbox: Outbox,
    feeds: Arc<Mutex<Feeds>>,
}

/// The ways to the uploads that wait for bytes; none can be opened once the session has ended.
#[derive(Default)]
struct Feeds {
    open: BTreeMap<u64, Feed>,
    closed: bool,
}

/// The way to an upload's thread, and the way back of its emptied blocks.
#[derive(Clone)]
struct Feed {
    pieces: mpsc::Sender<Piece>,
    spare: Spare,
}

/// Emptied blocks.
type Spare = Arc<Mutex<Vec<Vec<u8>>>>;

pub(super) enum Piece {
    Block(Vec<u8>),
    Commit {
        id: RequestId,
        commit: CommitUpload,
    },
    Abort {
        id: RequestId,
    },
    /// Another session of the device goes on with this upload.
    TakenOver,
}

impl Uploads {
    pub(super) fn new(session: SessionId, hub: SessionContext, outbox: Outbox) -> Self {
        Uploads {
            session,
            hub,
            outbox,
            feeds: Arc::default(),
        }
    }

    /// Begins an upload on a thread of its own, which answers `upload.open` when it is ready.
    pub(super) fn start(&self, start: StartUpload) {
        let uploads = self.clone();
        tokio::task::spawn_blocking(move || uploads.run(start));
    }

    fn run(&self, start: StartUpload) {
        let StartUpload {
            id,
            upload,
            device,
            key,
        } = start;
        let name = (device, key);
        let begun = self.stage(&name).and_then(Ingest::resume);
        let staged = match begun {
            Ok(ingest) => {
                let queue = self.open_feed(upload, &name);
                let staged = self.receive(&id, upload, ingest, queue);
                self.hub.claims.release(&name, self.session);
                staged
            }
            Err(error) => {
                self.outbox.reply_blocking(&id, &Err(error));
                None
            }
        };
        self.feeds().open.remove(&upload);
        let session = self.session;
        let input = match staged {
            Some((id, staged)) => Input::UploadStaged {
                session,
                id,
                upload,
                staged,
            },
            None => Input::UploadEnded { session, upload },
        };
        // Without a driver there is nobody left who could commit.
        let _ = Handle::current().block_on(self.hub.driver.input(input));
    }

    /// Stages the upload; where an earlier session of the device still has it, takes it over.
    fn stage(&self, name: &UploadName) -> Result<Box<dyn Staging>, RpcError> {
        let (device, key) = name;
        for _ in 0..TAKE_OVER_TRIES {
            let staging = self.hub.store.stage(device.clone(), *key);
            match Handle::current().block_on(staging) {
                Err(StoreError::Conflict(_)) => {
                    self.hub.claims.interrupt(name);
                    std::thread::sleep(TAKE_OVER_PAUSE);
                }
                staging => return staging.map_err(store_error),
            }
        }
        let message = "an earlier session of this device is still at this upload";
        Err(RpcError::new(ErrorCode::Busy, message).retry_after(TAKE_OVER_PAUSE * TAKE_OVER_TRIES))
    }

    /// Opens the way for the upload's bytes.
    fn open_feed(&self, upload: u64, name: &UploadName) -> (mpsc::Receiver<Piece>, Spare) {
        let (pieces, queue) = mpsc::channel(BLOCK_QUEUE);
        let spare = Spare::default();
        self.hub
            .claims
            .hold(name.clone(), self.session, pieces.downgrade());
        let feed = Feed {
            pieces,
            spare: Arc::clone(&spare),
        };
        self.feeds().insert(upload, feed);
        (queue, spare)
    }

    /// Takes what the reader feeds, up to the commit; `None` where there is nothing to commit.
    fn receive(
        &self,
        id: &RequestId,
        upload: u64,
        mut ingest: Ingest,
        (mut queue, spare): (mpsc::Receiver<Piece>, Spare),
    ) -> Option<(RequestId, Staged)> {
        let ready = OpenUploadReply::Ready {
            upload,
            offset: ingest.bytes(),
            hash: ingest.hash(),
        };
        self.outbox
            .reply_blocking(id, &Ok(Reply::OpenUpload(ready)));
        // Without its feed, an upload whose session ends sees the end of the queue.
        while let Some(piece) = queue.blocking_recv() {
            match piece {
                Piece::Block(block) => {
                    if let Err(error) = ingest.write(&block) {
                        ingest.abandon();
                        self.fail(upload, error, queue);
                        return None;
                    }
                    give_back(&spare, block);
                }
                Piece::Commit { id, commit } => {
                    return match ingest.finish(&commit) {
                        Ok(staged) => Some((id, staged)),
                        Err(error) => {
                            self.outbox.reply_blocking(&id, &Err(error));
                            None
                        }
                    };
                }
                Piece::Abort { id } => {
                    ingest.abandon();
                    self.outbox.reply_blocking(&id, &Ok(Reply::Done(Done {})));
                    return None;
                }
                Piece::TakenOver => {
                    // First what came is kept: the other session waits for it.
                    drop(ingest);
                    let message = "another session of this device goes on with this upload";
                    self.fail(upload, RpcError::new(ErrorCode::Conflict, message), queue);
                    return None;
                }
            }
        }
        None
    }

    /// Ends every upload without a commit: what came of them can be resumed.
    pub(super) fn interrupt_all(&self) {
        *self.feeds() = Feeds {
            closed: true,
            ..Feeds::default()
        };
    }

    /// Tells the device, and then refuses what it asked for before it knew.
    fn fail(&self, upload: u64, error: RpcError, mut queue: mpsc::Receiver<Piece>) {
        self.outbox
            .notify_blocking(&HubNotification::UploadFailed { upload, error });
        self.feeds().open.remove(&upload);
        queue.close();
        while let Some(piece) = queue.blocking_recv() {
            if let Piece::Commit { id, .. } | Piece::Abort { id } = piece {
                self.outbox
                    .reply_blocking(&id, &Err(no_such_transfer("upload", upload)));
            }
        }
    }

    fn feeds(&self) -> MutexGuard<'_, Feeds> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feeds {
    /// Where the session has ended, the feed is dropped, and its upload sees the end of the queue.
    fn insert(&mut self, upload: u64, feed: Feed) {
        if !self.closed {
            self.open.insert(upload, feed);
        }
    }
}

fn give_back(spare: &Mutex<Vec<Vec<u8>>>, mut block: Vec<u8>) {
    block.clear();
    spare
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(block);
}

/// The reader's side: the chunks of all uploads of a session, in the order they come.
pub(super) struct UploadFeeder {
    uploads: Uploads,
    current: Option<Current>,
}

/// The upload that the chunks belong to, with the block that is being filled.
struct Current {
    upload: u64,
    feed: Feed,
    block: Vec<u8>,
}

impl UploadFeeder {
    pub(super) fn new(uploads: Uploads) -> Self {
        UploadFeeder {
            uploads,
            current: None,
        }
    }

    /// The next bytes belong to this upload. Those of an upload that is not open, because it
    /// failed a moment ago for instance, are passed over.
    pub(super) async fn select(&mut self, upload: u64) {
        if self
            .current
            .as_ref()
            .is_some_and(|current| current.upload == upload)
        {
            return;
        }
        self.flush().await;
        let feed = self.uploads.feeds().open.get(&upload).cloned();
        self.current = feed.map(|feed| Current {
            upload,
            block: feed.empty_block(),
            feed,
        });
    }

    /// Takes bytes of the selected upload.
    pub(super) async fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(current) = &mut self.current
            && !bytes.is_empty()
        {
            let room = BLOCK_BYTES - current.block.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            current.block.extend_from_slice(now);
            bytes = later;
            if current.block.len() == BLOCK_BYTES {
                let block = std::mem::replace(&mut current.block, current.feed.empty_block());
                if current.feed.pieces.send(Piece::Block(block)).await.is_err() {
                    self.current = None;
                }
            }
        }
    }

    /// Asks for the commit; the upload's thread or the core answers.
    pub(super) async fn commit(&mut self, id: RequestId, commit: CommitUpload) {
        self.end(commit.upload, id, |id| Piece::Commit { id, commit })
            .await;
    }

    /// Gives an upload up; its thread answers.
    pub(super) async fn abort(&mut self, id: RequestId, upload: u64) {
        self.end(upload, id, |id| Piece::Abort { id }).await;
    }

    async fn end(&mut self, upload: u64, id: RequestId, last: impl FnOnce(RequestId) -> Piece) {
        self.flush().await;
        let feed = self.uploads.feeds().open.remove(&upload);
        let unheard = match feed {
            Some(feed) => feed.pieces.send(last(id.clone())).await.is_err(),
            None => true,
        };
        if unheard {
            self.uploads
                .outbox
                .reply(&id, Err(no_such_transfer("upload", upload)))
                .await;
        }
    }

    /// Ends every upload without a commit: what came of them can be resumed.
    pub(super) fn interrupt_all(&mut self) {
        self.current = None;
        self.uploads.interrupt_all();
    }

    async fn flush(&mut self) {
        if let Some(Current { feed, block, .. }) = self.current.take()
            && !block.is_empty()
        {
            // Where the thread has ended, the upload has failed and the device was told.
            let _ = feed.pieces.send(Piece::Block(block)).await;
        }
    }
}

impl Feed {
    fn empty_block(&self) -> Vec<u8> {
        let spare = self
            .spare
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        spare.unwrap_or_default()
    }
}
