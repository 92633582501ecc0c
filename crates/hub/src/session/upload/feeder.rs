//! The reader's side of uploads: what it reads goes to them in blocks.

use std::time::Duration;

use fleetlink_proto::control::{CommitUpload, Reply, RequestId, UploadNumber};
use tokio::sync::mpsc::error::SendError;

use super::super::order::{Pending, Subject};
use super::super::reader::no_such_transfer;
use super::blocks::Added;
use super::{Feed, Piece, Uploads};

/// The time for which bytes of a slow device are collected. Bytes that are not handed on are lost if the
/// hub stops.
pub(in crate::session) const BLOCK_TIME: Duration = Duration::from_millis(500);

/// The reader's side: the chunks of all uploads of a session, in the order they come.
pub(in crate::session) struct UploadFeeder {
    uploads: Uploads,
    current: Option<Current>,
}

/// The upload that the chunks belong to.
struct Current {
    upload: UploadNumber,
    feed: Feed,
}

impl UploadFeeder {
    pub(in crate::session) fn new(uploads: Uploads) -> Self {
        UploadFeeder {
            uploads,
            current: None,
        }
    }

    /// A call opens an upload under this number: what follows for the number waits for the decision.
    /// `false` where a call of the same id waits for its answer.
    pub(in crate::session) async fn opening(
        &mut self,
        id: &RequestId,
        upload: UploadNumber,
    ) -> bool {
        let was = self.current.as_ref();
        if was.is_some_and(|current| current.upload == upload) {
            // Of an earlier upload of the number.
            self.flush().await;
        }
        let mut feeds = self.uploads.feeds();
        let is_new = !feeds.waits_for(id);
        if is_new {
            // From here on a commit of the number means the new upload, also where the receipt of the
            // one before is still on its way.
            feeds.receipts.retain(|(number, _)| *number != upload);
            feeds.committing.retain(|(_, number)| *number != upload);
            feeds.opening.push((id.clone(), upload));
        }
        is_new
    }

    async fn until_decided(&self, upload: UploadNumber) {
        loop {
            let mut decided = std::pin::pin!(self.uploads.decided.notified());
            decided.as_mut().enable();
            if !self.uploads.feeds().is_undecided(upload) {
                return;
            }
            decided.await;
        }
    }

    /// The next bytes belong to this upload. Those of an upload that is not open, because it
    /// failed a moment ago for instance, are passed over.
    pub(in crate::session) async fn select(&mut self, upload: UploadNumber) {
        if self
            .current
            .as_ref()
            .is_some_and(|current| current.upload == upload)
        {
            return;
        }
        self.flush().await;
        self.until_decided(upload).await;
        let feed = self.uploads.feeds().open.get(&upload).cloned();
        self.current = feed.map(|feed| Current { upload, feed });
    }

    /// Takes bytes of the selected upload.
    pub(in crate::session) async fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(current) = &self.current
            && !bytes.is_empty()
        {
            current.feed.progress.made();
            match current.feed.blocks.add(bytes) {
                Added::All => return,
                Added::Full(later) => bytes = later,
            }
            self.hand_on().await;
        }
    }

    /// Whether bytes are collected that an upload does not have yet.
    pub(in crate::session) fn holds_bytes(&self) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| current.feed.blocks.is_filling())
    }

    /// Hands on what is collected, although more of it may come. Given up while it waits, it leaves
    /// everything in its place.
    pub(in crate::session) async fn hand_on(&mut self) {
        let Some(current) = &self.current else {
            return;
        };
        let Feed { pieces, blocks, .. } = &current.feed;
        if let Ok(place) = pieces.reserve().await {
            return blocks.hand_on(place);
        }
        self.current = None;
    }

    /// Asks for the commit; the upload's thread or the core answers. `false` where a call of the same
    /// id waits for its answer.
    pub(in crate::session) async fn commit(&mut self, id: RequestId, commit: CommitUpload) -> bool {
        self.until_decided(commit.upload).await;
        let known = {
            let mut feeds = self.uploads.feeds();
            if feeds.waits_for(&id) {
                return false;
            }
            let receipt = feeds.receipt(&commit);
            if receipt.is_none() && feeds.open.contains_key(&commit.upload) {
                feeds.committing.push((id.clone(), commit.upload));
            }
            receipt
        };
        if let Some(receipt) = known {
            let reply = Reply::Committed(receipt);
            self.uploads.outbox.reply(&id, Ok(reply)).await;
            return true;
        }
        self.end(commit.upload, id, |id, pending| Piece::Commit {
            id,
            commit,
            pending,
        })
        .await;
        true
    }

    /// Gives an upload up; its thread answers.
    pub(in crate::session) async fn abort(&mut self, id: RequestId, upload: UploadNumber) {
        self.until_decided(upload).await;
        self.end(upload, id, |id, pending| Piece::Abort { id, pending })
            .await;
    }

    async fn end(
        &mut self,
        upload: UploadNumber,
        id: RequestId,
        last: impl FnOnce(RequestId, Pending) -> Piece,
    ) {
        self.flush().await;
        let feed = self.uploads.feeds().open.remove(&upload);
        let mut unheard = None;
        if let Some(Feed {
            file, key, pieces, ..
        }) = feed
        {
            let subject = Subject::upload(file, upload, key);
            let pending = self.uploads.order.begin(subject).await;
            match pieces.send(last(id.clone(), pending)).await {
                Ok(()) => return,
                Err(SendError(piece)) => unheard = Some(piece),
            }
        }
        let refused = Err(no_such_transfer("upload", upload));
        self.uploads.replied(&id, &refused);
        self.uploads.outbox.reply(&id, refused).await;
        if let Some(Piece::Commit { pending, .. } | Piece::Abort { pending, .. }) = unheard {
            pending.end(None).await;
        }
    }

    /// Ends every upload without a commit: what came of them, to the last byte, can be resumed.
    pub(in crate::session) fn interrupt_all(&mut self) {
        self.current = None;
        self.uploads.interrupt_all();
    }

    async fn flush(&mut self) {
        if self.holds_bytes() {
            // Where the upload has failed, the device was told.
            self.hand_on().await;
        }
        self.current = None;
    }
}
