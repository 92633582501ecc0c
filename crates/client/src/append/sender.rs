//! Commits the batches one after the other, each with one effect.

use std::time::Duration;

use fleetlink_proto::DataFile;
use fleetlink_proto::control::UploadMode;
use tokio::time::sleep;

use super::AppendEvent;
use super::queue::{Batch, Queue};
use crate::retry::{Attempt, Patience, Tries, retry};
use crate::upload::Held;
use crate::{Error, Result, Sessions, UploadTask};

pub(super) struct Sender<'a, S> {
    sessions: &'a S,
    task: UploadTask,
    queue: &'a Queue,
}

/// The result of the sender: what the hub acknowledged, and the error that kept it from the rest.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) samples: u64,
    pub(super) commits: u64,
    pub(super) failure: Option<Error>,
}

impl<'a, S: Sessions> Sender<'a, S> {
    pub(super) fn new(sessions: &'a S, file: DataFile, queue: &'a Queue) -> Self {
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
    pub(super) async fn run(self, mut tell: impl FnMut(AppendEvent<'_>) + Send) -> Sent {
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
        tell: &mut (impl FnMut(AppendEvent<'_>) + Send),
    ) -> Result<()> {
        let mut delivery = Delivery {
            sender: self,
            held: Held::new(self.sessions, &self.task, &batch.bytes),
            last: None,
            told_full: false,
            tell,
        };
        let mut tries = Tries::new(Patience::Endless);
        tokio::select! {
            sent = retry(&mut tries, &mut delivery) => return sent,
            () = self.queue.overdue() => {}
        }
        Err(delivery.last.unwrap_or_else(|| self.queue.too_late()))
    }
}

/// A batch on its way to the hub.
struct Delivery<'a, S, T> {
    sender: &'a Sender<'a, S>,
    held: Held<'a, S>,
    /// The failure of the last try, where that passes.
    last: Option<Error>,
    told_full: bool,
    tell: &'a mut T,
}

impl<S: Sessions, T: FnMut(AppendEvent<'_>) + Send> Attempt for Delivery<'_, S, T> {
    type Done = ();

    async fn attempt(&mut self, tries: &mut Tries) -> Result<()> {
        self.held.attempt(tries).await?;
        if self.last.is_some() {
            (self.tell)(AppendEvent::Back);
        }
        Ok(())
    }

    async fn wait(&mut self, error: &Error, wait: Duration) -> Result<()> {
        if self.last.replace(error.clone()).is_none() {
            (self.tell)(AppendEvent::Away(error));
        }
        if self.sender.queue.is_full() && !std::mem::replace(&mut self.told_full, true) {
            (self.tell)(AppendEvent::Full);
        }
        sleep(wait).await;
        Ok(())
    }
}
