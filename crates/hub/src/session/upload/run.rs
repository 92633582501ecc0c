//! One upload, from its permission by the core to its end: staged for the core to commit, or over.

use fleetlink_core::{Input, Staged, UploadChange};
use fleetlink_proto::control::{
    Done, ErrorCode, HubNotification, OpenUploadReply, Reply, RequestId, RpcError, UploadNumber,
};
use tokio::sync::mpsc;

use super::super::claims::UploadName;
use super::super::contained::contained;
use super::super::order::Pending;
use super::super::reader::no_such_transfer;
use super::blocks::Blocks;
use super::idle::Progress;
use super::{BLOCK_QUEUE, Feed, Intake, Piece, Shared, Uploads, taking_over};
use crate::driver::StartUpload;
use crate::ingest::Ingest;
use crate::store::Staging;

/// The name of the work in the log when it panics.
const WORK: &str = "an upload";

pub(super) struct Run<'a> {
    uploads: &'a Uploads,
    id: RequestId,
    upload: UploadNumber,
    change: UploadChange,
}

/// The result of a piece.
enum Step {
    Next(Box<Ingest>),
    Over(Box<Ended>),
}

/// The end of an upload that was not cut off.
struct Ended {
    how: End,
    pending: Pending,
}

enum End {
    /// Staged for this call's commit, which the core answers.
    Staged(RequestId, Box<Staged>),
    /// Without a commit. This call is answered once the core has heard of the end.
    Without(RequestId, Result<Reply, RpcError>),
}

impl<'a> Run<'a> {
    pub(super) fn new(uploads: &'a Uploads, start: StartUpload) -> Self {
        let StartUpload { id, upload, change } = start;
        Run {
            uploads,
            id,
            upload,
            change,
        }
    }

    /// Answers `upload.open` when the upload is ready, and takes what comes of it. The core hears of
    /// its end before the device does, so that the device may use its number again.
    pub(super) async fn run(self) {
        let _open = self.uploads.hub.uploads.open();
        let ingest = match contained(WORK, self.begin()).await {
            Ok(ingest) => ingest,
            Err(error) => {
                self.tell_ended().await;
                self.uploads.decided(self.upload);
                return self.uploads.outbox.reply(&self.id, Err(error)).await;
            }
        };
        let mut intake = self.open_feed();
        let receiving = self.receive(ingest, &mut intake);
        let ended = Box::pin(contained(WORK, receiving)).await;
        match ended {
            Ok(Some(Ended { how, pending })) => self.finish(how, pending).await,
            Ok(None) => self.tell_ended().await,
            Err(error) => self.fail(error, intake).await,
        }
    }

    fn name(&self) -> UploadName {
        (self.change.device.clone(), self.change.key)
    }

    /// Tells the core first, and then the device: at the reply the number is free.
    async fn finish(&self, how: End, pending: Pending) {
        match how {
            End::Staged(id, staged) => {
                let staged = Input::UploadStaged {
                    session: self.uploads.turn.session(),
                    id,
                    upload: self.upload,
                    staged,
                };
                pending.end(Some(staged)).await;
            }
            End::Without(id, result) => {
                pending.end(Some(self.ended())).await;
                self.uploads.replied(&id, &result);
                self.uploads.outbox.reply(&id, result).await;
            }
        }
    }

    fn ended(&self) -> Input {
        Input::UploadEnded {
            session: self.uploads.turn.session(),
            upload: self.upload,
        }
    }

    async fn tell_ended(&self) {
        // Without a driver there is nobody left who counts.
        let _ = self.uploads.hub.driver.input(self.ended()).await;
    }

    /// Stages the upload, and reads again what the store holds of it.
    async fn begin(&self) -> Result<Box<Ingest>, RpcError> {
        let staging = self.stage().await?;
        let hash = self.uploads.outbox.hash();
        let resuming = move || Ingest::resume(staging, hash).map(Box::new);
        self.uploads.turn.at_disk(resuming).await
    }

    /// Stages the upload; where an earlier session of the device still has it, takes it over.
    async fn stage(&self) -> Result<Box<dyn Staging>, RpcError> {
        let hub = &self.uploads.hub;
        taking_over::stage(&hub.store, &hub.claims, &self.change).await
    }

    /// Opens the way for the upload's bytes.
    fn open_feed(&self) -> Intake {
        let (pieces, queue) = mpsc::channel(BLOCK_QUEUE);
        let claims = &self.uploads.hub.claims;
        let intake = Intake {
            queue,
            blocks: Blocks::default(),
            progress: Progress::default(),
            late: Vec::new(),
            _held: claims.hold(self.name(), pieces.downgrade()),
        };
        let feed = Feed {
            file: self.change.file.clone(),
            key: self.change.key,
            pieces,
            blocks: intake.blocks.clone(),
            progress: intake.progress.clone(),
        };
        self.uploads.feeds().insert(self.upload, feed);
        self.uploads.decided(self.upload);
        intake
    }

    /// Takes what the reader feeds, up to the commit; `None` where the session ended before.
    async fn receive(
        &self,
        mut ingest: Box<Ingest>,
        intake: &mut Intake,
    ) -> Result<Option<Ended>, RpcError> {
        let Shared {
            hub, turn, outbox, ..
        } = &**self.uploads;
        let ready = OpenUploadReply::Ready {
            upload: self.upload,
            offset: ingest.bytes(),
            hash: ingest.hash(),
        };
        outbox.reply(&self.id, Ok(Reply::OpenUpload(ready))).await;
        loop {
            // Without its feed, an upload whose session ends sees the end of the queue.
            let piece = tokio::select! {
                // What has come, and waited for the disk, is not judged late.
                biased;
                piece = intake.queue.recv() => piece,
                idle = hub.uploads.exceeded(turn, &intake.progress) => {
                    self.keep(ingest, intake).await?;
                    return Err(idle);
                }
            };
            let piece = match piece {
                Some(Piece::TakenOver) => {
                    // The other session waits for what came.
                    self.keep(ingest, intake).await?;
                    let message = "this device opened the upload again: it goes on there";
                    return Err(RpcError::new(ErrorCode::Conflict, message));
                }
                Some(piece) => piece,
                None => {
                    self.keep(ingest, intake).await?;
                    return Ok(None);
                }
            };
            let taking = self.take(ingest, piece, &intake.blocks);
            match contained(WORK, taking).await? {
                Step::Next(going_on) => {
                    intake.progress.made();
                    ingest = going_on;
                }
                Step::Over(ended) => return Ok(Some(*ended)),
            }
        }
    }

    /// Does what one piece says; an error ends the upload.
    async fn take(
        &self,
        ingest: Box<Ingest>,
        piece: Piece,
        blocks: &Blocks,
    ) -> Result<Step, RpcError> {
        let turn = &self.uploads.turn;
        match piece {
            Piece::Block(block) => {
                let (ingest, block) = self.write(ingest, block).await?;
                blocks.give_back(block);
                Ok(Step::Next(ingest))
            }
            Piece::TakenOver => Ok(Step::Next(ingest)),
            Piece::Commit {
                id,
                commit,
                pending,
            } => {
                let finishing = turn.at_disk(move || ingest.finish(&commit));
                let how = match contained(WORK, finishing).await {
                    Ok(staged) => End::Staged(id, Box::new(staged)),
                    Err(error) => End::Without(id, Err(error)),
                };
                Ok(Step::Over(Box::new(Ended { how, pending })))
            }
            Piece::Abort { id, pending } => {
                let abandoning = async {
                    turn.at_disk(move || ingest.abandon()).await;
                    Ok(Reply::Done(Done {}))
                };
                let how = End::Without(id, contained(WORK, abandoning).await);
                tracing::debug!(upload = %self.upload, "given up by its device");
                Ok(Step::Over(Box::new(Ended { how, pending })))
            }
        }
    }

    async fn write(
        &self,
        mut ingest: Box<Ingest>,
        block: Vec<u8>,
    ) -> Result<(Box<Ingest>, Vec<u8>), RpcError> {
        let writing = move || match ingest.write(&block) {
            Ok(()) => Ok((ingest, block)),
            Err(error) => {
                ingest.abandon();
                Err(error)
            }
        };
        self.uploads.turn.at_disk(writing).await
    }

    /// Keeps all that came, in its order, for whoever goes on with the upload.
    async fn keep(&self, mut ingest: Box<Ingest>, intake: &mut Intake) -> Result<(), RpcError> {
        let rest = intake.blocks.take_rest();
        while let Ok(piece) = intake.queue.try_recv() {
            match piece {
                Piece::Block(block) => (ingest, _) = self.write(ingest, block).await?,
                Piece::Commit { id, pending, .. } | Piece::Abort { id, pending } => {
                    intake.late.push((id, pending));
                }
                Piece::TakenOver => {}
            }
        }
        (ingest, _) = self.write(ingest, rest).await?;
        self.uploads.turn.at_disk(move || drop(ingest)).await;
        Ok(())
    }

    /// Tells the device, and then refuses what it asked for before it knew.
    async fn fail(&self, error: RpcError, intake: Intake) {
        let upload = self.upload;
        self.tell_ended().await;
        let failed = HubNotification::UploadFailed { upload, error };
        self.uploads.outbox.notify(&failed).await;
        self.uploads.feeds().remove(upload, &intake.blocks);
        let Intake {
            mut queue,
            mut late,
            ..
        } = intake;
        queue.close();
        while let Some(piece) = queue.recv().await {
            if let Piece::Commit { id, pending, .. } | Piece::Abort { id, pending } = piece {
                late.push((id, pending));
            }
        }
        for (id, pending) in late {
            let refused = Err(no_such_transfer("upload", upload));
            self.uploads.replied(&id, &refused);
            self.uploads.outbox.reply(&id, refused).await;
            pending.end(None).await;
        }
    }
}
