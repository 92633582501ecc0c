//! Uploads: parsed, hashed and staged while they arrive. A thread is taken for each block that is
//! written, and none while a device sends nothing.

mod feeder;
mod idle;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fleetlink_core::{Input, Staged, StoreError};
use fleetlink_proto::control::{
    CommitUpload, Done, ErrorCode, HubNotification, OpenUploadReply, Reply, RequestId, RpcError,
};
use tokio::sync::mpsc;
use tracing::Instrument as _;

pub(super) use self::feeder::{BLOCK_TIME, UploadFeeder};
pub(crate) use self::idle::HubUploads;
use self::idle::Progress;
use super::SessionContext;
use super::claims::UploadName;
use super::contained::contained;
use super::outbox::Outbox;
use super::reader::no_such_transfer;
use super::wait::HubTurn;
use crate::driver::StartUpload;
use crate::ingest::{Ingest, store_error};
use crate::store::Staging;

/// Bytes that are collected before they are handed to the upload.
const BLOCK_BYTES: usize = 256 * 1024;
/// Blocks that may wait for the upload's disk; then nothing more is read from the device.
const BLOCK_QUEUE: usize = 3;
/// How often, and with which pause, an upload is asked for that an earlier session still has.
const TAKE_OVER_TRIES: u32 = 50;
const TAKE_OVER_PAUSE: Duration = Duration::from_millis(100);

/// The name of the work in the log when it panics.
const WORK: &str = "an upload";

/// Begins uploads; the core has allowed them.
#[derive(Clone)]
pub(super) struct Uploads {
    turn: HubTurn,
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

/// The way to an upload, and the way back of its emptied blocks.
#[derive(Clone)]
struct Feed {
    pieces: mpsc::Sender<Piece>,
    spare: Spare,
    progress: Progress,
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

/// The upload's end of a [`Feed`].
struct Intake {
    queue: mpsc::Receiver<Piece>,
    spare: Spare,
    progress: Progress,
}

/// The result of a piece.
enum Step {
    Next(Box<Ingest>),
    Over(Option<Box<(RequestId, Staged)>>),
}

impl Uploads {
    pub(super) fn new(turn: HubTurn, hub: SessionContext, outbox: Outbox) -> Self {
        Uploads {
            turn,
            hub,
            outbox,
            feeds: Arc::default(),
        }
    }

    /// Begins an upload, which answers `upload.open` when it is ready.
    pub(super) fn start(&self, start: StartUpload) {
        let uploads = self.clone();
        let span = self.outbox.span_of(&start.id);
        let running = async move { Box::pin(uploads.run(start)).await };
        tokio::spawn(running.instrument(span));
    }

    async fn run(&self, start: StartUpload) {
        let StartUpload {
            id,
            upload,
            device,
            key,
        } = start;
        let name = (device, key);
        let open = self.hub.uploads.open();
        let staged = match contained(WORK, self.begin(&name)).await {
            Ok(ingest) => {
                let intake = self.open_feed(upload, &name);
                let receiving = async { Ok(self.receive(&id, upload, ingest, intake).await) };
                let staged = Box::pin(contained(WORK, receiving)).await;
                self.hub.claims.release(&name, self.turn.session());
                match staged {
                    Ok(staged) => staged,
                    Err(error) => {
                        self.notify_failed(upload, error).await;
                        None
                    }
                }
            }
            Err(error) => {
                self.outbox.reply(&id, Err(error)).await;
                None
            }
        };
        drop(open);
        self.feeds().open.remove(&upload);
        let session = self.turn.session();
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
        let _ = self.hub.driver.input(input).await;
    }

    /// Stages the upload, and reads again what the store holds of it.
    async fn begin(&self, name: &UploadName) -> Result<Box<Ingest>, RpcError> {
        let staging = self.stage(name).await?;
        let hash = self.outbox.hash();
        let resuming = move || Ingest::resume(staging, hash).map(Box::new);
        self.turn.at_disk(resuming).await
    }

    /// Stages the upload; where an earlier session of the device still has it, takes it over.
    async fn stage(&self, name: &UploadName) -> Result<Box<dyn Staging>, RpcError> {
        let (device, key) = name;
        for _ in 0..TAKE_OVER_TRIES {
            match self.hub.store.stage(device.clone(), *key).await {
                Err(StoreError::Conflict(_)) => {
                    self.hub.claims.interrupt(name).await;
                    tokio::time::sleep(TAKE_OVER_PAUSE).await;
                }
                staging => return staging.map_err(store_error),
            }
        }
        let message = "an earlier session of this device is still at this upload";
        Err(RpcError::new(ErrorCode::Busy, message).retry_after(TAKE_OVER_PAUSE * TAKE_OVER_TRIES))
    }

    /// Opens the way for the upload's bytes.
    fn open_feed(&self, upload: u64, name: &UploadName) -> Intake {
        let (pieces, queue) = mpsc::channel(BLOCK_QUEUE);
        let intake = Intake {
            queue,
            spare: Spare::default(),
            progress: Progress::default(),
        };
        self.hub
            .claims
            .hold(name.clone(), self.turn.session(), pieces.downgrade());
        let feed = Feed {
            pieces,
            spare: Arc::clone(&intake.spare),
            progress: intake.progress.clone(),
        };
        self.feeds().insert(upload, feed);
        intake
    }

    /// Takes what the reader feeds, up to the commit; `None` where there is nothing to commit.
    async fn receive(
        &self,
        id: &RequestId,
        upload: u64,
        mut ingest: Box<Ingest>,
        mut intake: Intake,
    ) -> Option<(RequestId, Staged)> {
        let ready = OpenUploadReply::Ready {
            upload,
            offset: ingest.bytes(),
            hash: ingest.hash(),
        };
        self.outbox.reply(id, Ok(Reply::OpenUpload(ready))).await;
        let patience = self.hub.uploads.clone();
        loop {
            // Without its feed, an upload whose session ends sees the end of the queue.
            let piece = tokio::select! {
                // What has come, and waited for the disk, is not judged late.
                biased;
                piece = intake.queue.recv() => piece,
                idle = patience.exceeded(&self.turn, &intake.progress) => {
                    // First what came is kept, for who goes on with it.
                    self.turn.at_disk(move || drop(ingest)).await;
                    self.fail(upload, idle, intake.queue).await;
                    return None;
                }
            };
            let Some(piece) = piece else {
                self.turn.at_disk(move || drop(ingest)).await;
                return None;
            };
            let taking = self.take(upload, ingest, piece, &intake.spare);
            match contained(WORK, taking).await {
                Ok(Step::Next(going_on)) => {
                    intake.progress.made();
                    ingest = going_on;
                }
                Ok(Step::Over(staged)) => return staged.map(|staged| *staged),
                Err(error) => {
                    self.fail(upload, error, intake.queue).await;
                    return None;
                }
            }
        }
    }

    /// Does what one piece says; an error ends the upload.
    async fn take(
        &self,
        upload: u64,
        mut ingest: Box<Ingest>,
        piece: Piece,
        spare: &Spare,
    ) -> Result<Step, RpcError> {
        match piece {
            Piece::Block(block) => {
                let writing = move || match ingest.write(&block) {
                    Ok(()) => Ok((ingest, block)),
                    Err(error) => {
                        ingest.abandon();
                        Err(error)
                    }
                };
                let (ingest, block) = self.turn.at_disk(writing).await?;
                give_back(spare, block);
                Ok(Step::Next(ingest))
            }
            Piece::Commit { id, commit } => {
                let finishing = self.turn.at_disk(move || ingest.finish(&commit));
                let finished = contained(WORK, finishing).await;
                Ok(Step::Over(match finished {
                    Ok(staged) => Some(Box::new((id, staged))),
                    Err(error) => {
                        self.outbox.reply(&id, Err(error)).await;
                        None
                    }
                }))
            }
            Piece::Abort { id } => {
                let abandoning = async {
                    self.turn.at_disk(move || ingest.abandon()).await;
                    Ok(Reply::Done(Done {}))
                };
                let given_up = contained(WORK, abandoning).await;
                self.outbox.reply(&id, given_up).await;
                tracing::debug!(upload, "given up by its device");
                Ok(Step::Over(None))
            }
            Piece::TakenOver => {
                // First what came is kept: the other session waits for it.
                self.turn.at_disk(move || drop(ingest)).await;
                let message = "another session of this device goes on with this upload";
                Err(RpcError::new(ErrorCode::Conflict, message))
            }
        }
    }

    /// Ends every upload without a commit: what came of them can be resumed.
    pub(super) fn interrupt_all(&self) {
        *self.feeds() = Feeds {
            closed: true,
            ..Feeds::default()
        };
    }

    /// Tells the device, and then refuses what it asked for before it knew.
    async fn fail(&self, upload: u64, error: RpcError, mut queue: mpsc::Receiver<Piece>) {
        self.notify_failed(upload, error).await;
        self.feeds().open.remove(&upload);
        queue.close();
        while let Some(piece) = queue.recv().await {
            if let Piece::Commit { id, .. } | Piece::Abort { id } = piece {
                self.outbox
                    .reply(&id, Err(no_such_transfer("upload", upload)))
                    .await;
            }
        }
    }

    async fn notify_failed(&self, upload: u64, error: RpcError) {
        let failed = HubNotification::UploadFailed { upload, error };
        self.outbox.notify(&failed).await;
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
