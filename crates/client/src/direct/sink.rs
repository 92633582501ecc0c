//! A file that comes, written on a thread of its own, so that network and disk overlap.

use std::mem;
use std::sync::{Arc, OnceLock};

use fleetlink_proto::transfer::limits::{BLOCK_BYTES, GOODBYE_DEADLINE};
use fleetlink_proto::transfer::{End, Ended, FileName, Reason};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::inbox::Incoming;
use crate::limits::BLOCKS_BEFORE_DISK;

const BLOCK: usize = BLOCK_BYTES as usize;

enum Work {
    Block(Vec<u8>),
    End(End),
}

/// Takes content as it comes and hands it to the disk in blocks. Dropped, the file is gone.
#[derive(Debug)]
pub(super) struct Sink {
    block: Vec<u8>,
    work: mpsc::Sender<Work>,
    spare: mpsc::UnboundedReceiver<Vec<u8>>,
    /// None once its outcome was read, which can be done once.
    writer: Option<JoinHandle<Result<FileName, Ended>>>,
    fate: Fate,
}

/// Whether a file that is whole and durable gets its name. The first word counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Fate(Arc<OnceLock<bool>>);

impl Fate {
    /// It shall not get it; `false` where it is too late.
    pub(super) fn give_up(&self) -> bool {
        !*self.0.get_or_init(|| false)
    }

    fn claim(&self) -> bool {
        *self.0.get_or_init(|| true)
    }
}

impl Sink {
    pub(super) fn new(incoming: Incoming) -> Self {
        let (work, queue) = mpsc::channel(BLOCKS_BEFORE_DISK);
        // Bounded by the blocks that there are.
        let (returned, spare) = mpsc::unbounded_channel();
        let fate = Fate::default();
        let claim = fate.clone();
        let writer = tokio::task::spawn_blocking(move || write(incoming, queue, &returned, &claim));
        Sink {
            block: Vec::new(),
            work,
            spare,
            writer: Some(writer),
            fate,
        }
    }

    /// The fate of the file: the first decision counts.
    pub(super) fn fate(&self) -> Fate {
        self.fate.clone()
    }

    /// Takes some of the file. Says whether it waited for the disk.
    pub(super) async fn take(&mut self, mut content: &[u8]) -> Result<bool, Ended> {
        let mut waited = false;
        while !content.is_empty() {
            if self.block.capacity() == 0 {
                self.block = self.spare.try_recv().unwrap_or_default();
                self.block.reserve_exact(BLOCK);
            }
            let room = BLOCK - self.block.len();
            let (piece, rest) = content.split_at(room.min(content.len()));
            self.block.extend_from_slice(piece);
            content = rest;
            if self.block.len() == BLOCK {
                waited |= self.work.capacity() == 0;
                let block = mem::take(&mut self.block);
                self.give(Work::Block(block)).await?;
            }
        }
        Ok(waited)
    }

    /// Everything came: the name under which it is stored, once it is durable.
    pub(super) async fn finish(mut self, end: End) -> Result<FileName, Ended> {
        let rest = mem::take(&mut self.block);
        self.give(Work::Block(rest)).await?;
        self.give(Work::End(end)).await?;
        self.outcome().await
    }

    /// Drops what came, and waits until nothing of it is left; not for long where the disk stands
    /// still.
    pub(super) async fn discard(mut self) {
        drop(self.work);
        if let Some(writer) = self.writer.take() {
            let _ = timeout(GOODBYE_DEADLINE, writer).await;
        }
    }

    async fn give(&mut self, work: Work) -> Result<(), Ended> {
        match self.work.send(work).await {
            Ok(()) => Ok(()),
            // The writer has ended before: it says why.
            Err(_) => match self.outcome().await {
                Err(ended) => Err(ended),
                Ok(_) => Err(stopped()),
            },
        }
    }

    async fn outcome(&mut self) -> Result<FileName, Ended> {
        match self.writer.take() {
            Some(writer) => writer.await.unwrap_or_else(|_| Err(stopped())),
            None => Err(stopped()),
        }
    }
}

fn write(
    mut incoming: Incoming,
    mut queue: mpsc::Receiver<Work>,
    returned: &mpsc::UnboundedSender<Vec<u8>>,
    fate: &Fate,
) -> Result<FileName, Ended> {
    while let Some(work) = queue.blocking_recv() {
        match work {
            Work::End(end) => return incoming.finish_if(&end, || fate.claim()),
            Work::Block(mut block) => {
                incoming.write(&block)?;
                block.clear();
                let _ = returned.send(block);
            }
        }
    }
    Err(stopped())
}

fn stopped() -> Ended {
    Ended::new(Reason::Internal, "writing stopped unexpectedly")
}
