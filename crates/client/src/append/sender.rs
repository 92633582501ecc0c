//! Commits the batches one after the other, each with one effect.

use fleetlink_proto::control::UploadMode;
use fleetlink_proto::{FileId, IdempotencyKey};
use tokio::time::sleep;

use super::AppendEvent;
use super::queue::{Batch, Queue};
use crate::upload::{asked_wait, of_bytes, passes};
use crate::{Backoff, Sessions, UploadError, UploadTask, new_key};

pub(super) struct Sender<'a, S> {
    sessions: &'a S,
    task: UploadTask,
    queue: &'a Queue,
}

/// What was sent, and why it is not all.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) samples: u64,
    pub(super) commits: u64,
    pub(super) failure: Option<UploadError>,
}

impl<'a, S: Sessions> Sender<'a, S> {
    pub(super) fn new(sessions: &'a S, file: FileId, queue: &'a Queue) -> Self {
        Sender {
            sessions,
            task: UploadTask {
                file,
                mode: UploadMode::Append,
                allow_empty: true,
            },
            queue,
        }
    }

    /// Sends what comes until the end of the queue, or until an error that does not pass.
    pub(super) async fn run(self, mut tell: impl FnMut(AppendEvent<'_>)) -> Sent {
        let mut sent = Sent::default();
        while let Some(batch) = self.queue.take().await {
            if let Err(failure) = self.deliver(&batch, &mut tell).await {
                sent.failure = Some(failure);
                break;
            }
            self.queue.acknowledged(batch.bytes.len());
            sent.samples += batch.samples;
            sent.commits += 1;
        }
        sent
    }

    /// Sends a batch, as often as it takes, with one key.
    async fn deliver(
        &self,
        batch: &Batch,
        tell: &mut impl FnMut(AppendEvent<'_>),
    ) -> Result<(), UploadError> {
        let (key, mut backoff) = (new_key(), Backoff::default());
        let (mut last, mut told_full) = (None, false);
        loop {
            let tried = tokio::select! {
                tried = self.attempt(key, batch) => tried,
                () = self.queue.overdue() => return Err(last.unwrap_or_else(|| self.queue.too_late())),
            };
            let error = match tried {
                Ok(()) => {
                    if last.is_some() {
                        tell(AppendEvent::Back);
                    }
                    return Ok(());
                }
                Err(error) if passes(&error) => error,
                Err(error) => return Err(error),
            };
            if last.is_none() {
                tell(AppendEvent::Away(&error));
            }
            if self.queue.is_full() && !std::mem::replace(&mut told_full, true) {
                tell(AppendEvent::Full);
            }
            let wait = backoff.next_wait().max(asked_wait(&error));
            let error = last.insert(error);
            tracing::debug!(%error, "trying again");
            tokio::select! {
                () = sleep(wait) => {}
                () = self.queue.overdue() => {}
            }
        }
    }

    async fn attempt(&self, key: IdempotencyKey, batch: &Batch) -> Result<(), UploadError> {
        let session = self.sessions.session().await?;
        of_bytes(&session, self.task, key, &batch.bytes).await?;
        Ok(())
    }
}
