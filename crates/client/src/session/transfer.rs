//! Uploads and downloads within a session: what keeps their place while they last.

use fleetlink_proto::ContentHash;
use fleetlink_proto::control::{
    AbortUpload, CancelDownload, CommitUpload, DownloadNumber, OpenDownload, OpenDownloadReply,
    OpenUpload, OpenUploadReply, Receipt, Request, RpcError, UploadNumber,
};
use tokio::sync::{mpsc, oneshot};

use super::Session;
use super::calls::read_answer;
use super::shared::{Opens, Transfer};
use super::writer::{Bulk, Chunk};
use crate::limits::{CALL_DEADLINE, COMMIT_DEADLINE};
use crate::{Error, Result};

/// An event of a download.
pub(crate) enum DownloadEvent {
    Bytes(Vec<u8>),
    End { bytes: u64, hash: ContentHash },
    Failed(RpcError),
}

/// An upload that the hub waits for. Dropped before its commit, it is aborted.
pub(crate) struct OpenedUpload {
    session: Session,
    upload: UploadNumber,
    failure: oneshot::Receiver<RpcError>,
    over: bool,
}

/// A download that comes. Dropped before its end, it is cancelled.
pub(crate) struct OpenedDownload {
    session: Session,
    download: DownloadNumber,
    events: mpsc::Receiver<DownloadEvent>,
    over: bool,
}

impl Session {
    pub(crate) async fn open_upload(
        &self,
        mut open: OpenUpload,
    ) -> Result<(OpenUploadReply, Option<OpenedUpload>)> {
        // The device chooses all numbers of a session or none.
        open.upload = self.next_upload();
        let request = Request::OpenUpload(open);
        let answer = self.answer(request, Opens::Upload, CALL_DEADLINE).await?;
        let opened = match answer.transfer {
            Some(Transfer::Upload(upload, failure)) => Some(OpenedUpload {
                session: self.clone(),
                upload,
                failure,
                over: false,
            }),
            _ => None,
        };
        Ok((read_answer(answer.value)?, opened))
    }

    pub(crate) async fn open_download(
        &self,
        open: OpenDownload,
    ) -> Result<(OpenDownloadReply, OpenedDownload)> {
        let request = Request::OpenDownload(open);
        let answer = self.answer(request, Opens::Download, CALL_DEADLINE).await?;
        let Some(Transfer::Download(download, events)) = answer.transfer else {
            return Err(Error::unexpected("the download has no number"));
        };
        let opened = OpenedDownload {
            session: self.clone(),
            download,
            events,
            over: false,
        };
        Ok((read_answer(answer.value)?, opened))
    }
}

impl OpenedUpload {
    /// Queues a chunk; waits while the network is slower. Fails as soon as the hub says so.
    pub(crate) async fn send(&mut self, body: Vec<u8>) -> Result<()> {
        let chunk = Bulk::Chunk(Chunk {
            upload: self.upload,
            body,
        });
        tokio::select! {
            biased;
            failure = &mut self.failure => Err(self.failed(failure).await),
            sent = self.session.inner.chunks.send(chunk) => match sent {
                Ok(()) => Ok(()),
                Err(_) => Err(Error::closed(self.session.closed().await)),
            }
        }
    }

    /// Waits for the hub to say that the upload failed.
    pub(crate) async fn failure(&mut self) -> Error {
        let failure = (&mut self.failure).await;
        self.failed(failure).await
    }

    async fn failed(
        &mut self,
        failure: std::result::Result<RpcError, oneshot::error::RecvError>,
    ) -> Error {
        self.over = true;
        match failure {
            Ok(error) => Error::refused(error),
            Err(_) => Error::closed(self.session.closed().await),
        }
    }

    /// Waits until all chunks are written.
    async fn written(&mut self) -> Result<()> {
        let (passed, passing) = oneshot::channel();
        let chunks = &self.session.inner.chunks;
        let written = async {
            if chunks.send(Bulk::Barrier(passed)).await.is_err() || passing.await.is_err() {
                return Err(Error::closed(self.session.closed().await));
            }
            Ok(())
        };
        tokio::select! {
            biased;
            failure = &mut self.failure => Err(self.failed(failure).await),
            written = written => written,
        }
    }

    /// Makes the upload visible and durable. The outcome is unknown where the answer is lost, and
    /// an abort could then undo nothing.
    pub(crate) async fn commit(mut self, bytes: u64, hash: ContentHash) -> Result<Receipt> {
        self.written().await?;
        self.over = true;
        let request = Request::CommitUpload(CommitUpload {
            upload: self.upload,
            bytes,
            hash: Some(hash),
        });
        match self
            .session
            .answer(request, Opens::Nothing, COMMIT_DEADLINE)
            .await
        {
            Ok(answer) => read_answer(answer.value),
            // The failure came first and says more than that there is no such upload any more.
            Err(e) => Err(self.failure.try_recv().map_or(e, Error::refused)),
        }
    }

    /// Gives the upload up and waits until nothing of it is kept.
    pub(crate) async fn abort(mut self) -> Result<()> {
        self.over = true;
        let request = Request::AbortUpload(AbortUpload {
            upload: self.upload,
        });
        self.session
            .answer(request, Opens::Nothing, CALL_DEADLINE)
            .await?;
        Ok(())
    }
}

impl Drop for OpenedUpload {
    fn drop(&mut self) {
        let shared = &self.session.inner.shared;
        shared.forget_upload(self.upload);
        if !self.over {
            shared.give_up(&Request::AbortUpload(AbortUpload {
                upload: self.upload,
            }));
        }
    }
}

impl OpenedDownload {
    /// The next of what comes; an error once the session is over.
    pub(crate) async fn next(&mut self) -> Result<DownloadEvent> {
        let Some(event) = self.events.recv().await else {
            return Err(Error::closed(self.session.closed().await));
        };
        self.over = !matches!(event, DownloadEvent::Bytes(_));
        Ok(event)
    }
}

impl Drop for OpenedDownload {
    fn drop(&mut self) {
        let shared = &self.session.inner.shared;
        shared.forget_download(self.download);
        if !self.over {
            shared.give_up(&Request::CancelDownload(CancelDownload {
                download: self.download,
            }));
        }
    }
}
