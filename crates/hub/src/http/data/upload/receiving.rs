//! One upload, from its permission by the core to its commit.

use std::sync::Arc;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use fleetlink_core::{Caller, Staged};
use fleetlink_proto::control::{CommitUpload, ErrorCode, Receipt, RpcError};
use fleetlink_proto::samples::Summary;
use fleetlink_proto::{ContentHash, HashAlgorithm};
use futures_util::StreamExt as _;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::super::super::Http;
use super::super::super::limits::{BLOCK_BYTES, REFUSED_UPLOAD_READ};
use super::super::super::problem::Problem;
use super::super::conditions::Conditions;
use super::super::subject::Subject;
use crate::driver::BegunUpload;
use crate::ingest::Ingest;
use crate::session::{Claimed, stage_upload};

/// The reply of an upload: its receipt and the summary of its samples.
type Reply = oneshot::Sender<Result<(Receipt, Summary), Problem>>;

/// An upload that arrives. Its slot is given back when this is dropped.
pub(super) struct Receiving {
    http: Arc<Http>,
    caller: Caller,
    begun: BegunUpload,
    body: BodyDataStream,
    meant: Option<(Subject, Conditions)>,
}

/// The end of the bytes of a body.
enum Ended {
    All(Box<Ingest>),
    /// The client is gone, or says no more.
    Early(RpcError),
}

impl Receiving {
    pub(super) fn new(http: Arc<Http>, caller: Caller, begun: BegunUpload, body: Body) -> Self {
        Receiving {
            http,
            caller,
            begun,
            body: body.into_data_stream(),
            meant: None,
        }
    }

    /// The same, for a version that is meant.
    pub(super) fn of(mut self, subject: Subject, conditions: Conditions) -> Self {
        self.meant = conditions.are_set().then_some((subject, conditions));
        self
    }

    /// Takes all that comes, has it committed, and replies.
    pub(super) async fn run(mut self, left_out: u64, reply: Reply) {
        let done = Box::pin(self.receive(left_out)).await;
        let is_refused = done.is_err();
        let Receiving {
            begun, mut body, ..
        } = self;
        // Whoever has the reply has the slot again.
        drop(begun);
        // The client may have gone meanwhile.
        let _ = reply.send(done);
        if is_refused {
            // Whoever is cut off while it sends never sees the reply.
            let draining = async { while let Some(Ok(_)) = body.next().await {} };
            let _ = timeout(REFUSED_UPLOAD_READ, draining).await;
        }
    }

    async fn receive(&mut self, left_out: u64) -> Result<(Receipt, Summary), Problem> {
        let http = Arc::clone(&self.http);
        let _open = http.uploads.open();
        let staging = stage_upload(&http.store, &http.claims, &self.begun.change).await?;
        let name = (self.begun.change.device.clone(), self.begun.change.key);
        let claimed = http.claims.claim(name);
        let resuming = move || Ingest::resume(staging, HashAlgorithm::Blake3).map(Box::new);
        let ingest = at_disk(resuming).await?;
        let ingest = self.go_on(ingest, left_out, &claimed).await?;
        let ingest = match self.take_all(ingest, &claimed).await? {
            Ended::All(ingest) => ingest,
            Ended::Early(error) => return Err(error.into()),
        };
        let device = &self.begun.change.device;
        let _turn = http.turns.take(device, self.meant.is_some()).await;
        let ingest = self.still_meant(ingest).await?;
        let staged = finish(ingest).await?;
        let summary = staged.summary;
        let receipt = http.calls.commit(self.caller.clone(), &self.begun, staged);
        Ok((receipt.await?, summary))
    }

    /// Looks once more whether the version is the one that is meant; if it is not, keeps nothing.
    async fn still_meant(&mut self, ingest: Box<Ingest>) -> Result<Box<Ingest>, Problem> {
        let Some((subject, conditions)) = &self.meant else {
            return Ok(ingest);
        };
        let caller = self.caller.clone();
        let checked = self.http.check_conditions(caller, subject, conditions);
        match checked.await {
            Ok(()) => Ok(ingest),
            Err(problem) => {
                at_disk(move || {
                    ingest.abandon();
                    Ok(())
                })
                .await?;
                Err(problem)
            }
        }
    }

    /// Goes on with what is kept of the upload: the client leaves it out, or sends it once more.
    async fn go_on(
        &mut self,
        ingest: Box<Ingest>,
        left_out: u64,
        claimed: &Claimed,
    ) -> Result<Box<Ingest>, RpcError> {
        let kept = ingest.bytes();
        let checked = match left_out {
            0 => self.compare(kept, ingest.hash(), claimed).await,
            _ if left_out == kept => Ok(()),
            _ => Err(conflict(format!(
                "the hub keeps {kept} bytes of this upload, and not {left_out}: HEAD tells how many"
            ))),
        };
        match checked {
            Ok(()) => Ok(ingest),
            Err(error) => {
                at_disk(move || {
                    drop(ingest);
                    Err(error)
                })
                .await
            }
        }
    }

    /// Compares what is kept with what comes again.
    async fn compare(
        &mut self,
        kept: u64,
        hash: ContentHash,
        claimed: &Claimed,
    ) -> Result<(), RpcError> {
        let mut hasher = Box::new(blake3::Hasher::new());
        while hasher.count() < kept {
            let Some(mut piece) = self.next_piece(claimed).await? else {
                break;
            };
            let missing = kept - hasher.count();
            let own = piece
                .len()
                .min(usize::try_from(missing).unwrap_or(usize::MAX));
            hasher.update(&piece.split_to(own));
            if !piece.is_empty() {
                self.body = with_front(piece, std::mem::replace(&mut self.body, empty()));
            }
        }
        match kept == 0 || hash == hasher.finalize().into() {
            true => Ok(()),
            false => Err(conflict(
                "the hub keeps another beginning of an upload of this key: use another key",
            )),
        }
    }

    /// Stages what comes, to the end of the body. What came before an early end is kept.
    async fn take_all(
        &mut self,
        mut ingest: Box<Ingest>,
        claimed: &Claimed,
    ) -> Result<Ended, RpcError> {
        let mut block = Vec::new();
        loop {
            match self.next_piece(claimed).await {
                Ok(Some(piece)) => {
                    block.extend_from_slice(&piece);
                    if block.len() >= BLOCK_BYTES {
                        (ingest, block) = write(ingest, block).await?;
                    }
                }
                Ok(None) => {
                    (ingest, _) = write(ingest, block).await?;
                    return Ok(Ended::All(ingest));
                }
                Err(early) => {
                    let keeping = write(ingest, block).await?;
                    at_disk(move || {
                        drop(keeping);
                        Ok(())
                    })
                    .await?;
                    return Ok(Ended::Early(early));
                }
            }
        }
    }

    /// The next bytes, `None` at the end, unless somebody else of the device goes on with the upload.
    async fn next_piece(&mut self, claimed: &Claimed) -> Result<Option<Bytes>, RpcError> {
        tokio::select! {
            next = self.next_of_body() => next,
            () = claimed.taken_over() => {
                Err(conflict("another request of this device goes on with this upload"))
            }
        }
    }

    async fn next_of_body(&mut self) -> Result<Option<Bytes>, RpcError> {
        let patience = self.http.uploads.patience();
        match timeout(patience, self.body.next()).await {
            Ok(None) => Ok(None),
            Ok(Some(Ok(piece))) => Ok(Some(piece)),
            Ok(Some(Err(_))) => {
                let message = "the connection ended before the upload; what came is kept";
                Err(RpcError::new(ErrorCode::NoProgress, message))
            }
            Err(_) => {
                let message = format!(
                    "nothing of this upload came for {} s; what came is kept, go on with the same \
                     Idempotency-Key",
                    patience.as_secs_f64()
                );
                Err(RpcError::new(ErrorCode::NoProgress, message))
            }
        }
    }
}

fn conflict(message: impl Into<String>) -> RpcError {
    RpcError::new(ErrorCode::Conflict, message)
}

fn empty() -> BodyDataStream {
    Body::empty().into_data_stream()
}

/// The same body with bytes put back at its front.
fn with_front(front: Bytes, rest: BodyDataStream) -> BodyDataStream {
    let front = futures_util::stream::once(std::future::ready(Ok::<_, axum::Error>(front)));
    Body::from_stream(front.chain(rest)).into_data_stream()
}

/// Adds a block, and gives it back empty.
async fn write(
    mut ingest: Box<Ingest>,
    mut block: Vec<u8>,
) -> Result<(Box<Ingest>, Vec<u8>), RpcError> {
    at_disk(move || match ingest.write(&block) {
        Ok(()) => {
            block.clear();
            Ok((ingest, block))
        }
        Err(error) => {
            ingest.abandon();
            Err(error)
        }
    })
    .await
}

async fn finish(ingest: Box<Ingest>) -> Result<Staged, RpcError> {
    at_disk(move || {
        let commit = CommitUpload {
            upload: 0.into(),
            bytes: ingest.bytes(),
            hash: None,
        };
        ingest.finish(&commit)
    })
    .await
}

/// Does what may wait for the disk on a thread for that.
async fn at_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RpcError> + Send + 'static,
) -> Result<T, RpcError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
}
