//! A small upload as one flight: `upload.open`, its chunk and `upload.commit` go to the hub together,
//! and one wait brings both answers.

use std::sync::atomic::Ordering;

use fleetlink_proto::ContentHash;
use fleetlink_proto::control::limits::MAX_CHUNK_BYTES;
use fleetlink_proto::control::{
    CommitUpload, DeviceNotification, ErrorCode, OpenUpload, OpenUploadReply, Receipt, Request,
    UploadNumber, encode_notification,
};
use tokio::sync::oneshot;

use super::Session;
use super::shared::Opens;
use super::writer::Bulk;
use crate::limits::{CALL_DEADLINE, COMMIT_DEADLINE};
use crate::{Error, Result};

impl Session {
    /// The number of bytes that an upload in one flight may have: one chunk. Where an earlier try
    /// used the same key (`again`) the hub may hold a part of the upload. Then only an upload that is
    /// too small to be resumed goes in one flight. `None` for a hub that chooses the numbers itself.
    pub(crate) fn flight_bytes(&self, again: bool) -> Option<usize> {
        let agreed = self.inner.agreed.get().filter(|hub| hub.client_numbers)?;
        let chunk = agreed.limits.chunk_bytes.min(MAX_CHUNK_BYTES.into());
        let most = match again {
            false => chunk,
            true => chunk.min(agreed.limits.resume_from_bytes.saturating_sub(1)),
        };
        usize::try_from(most).ok()
    }

    /// The number of the next upload, where the device chooses it. No number is used twice.
    pub(super) fn next_upload(&self) -> Option<UploadNumber> {
        let agreed = self.inner.agreed.get()?;
        let next = || self.inner.last_upload.fetch_add(1, Ordering::Relaxed) + 1;
        agreed.client_numbers.then(next).map(Into::into)
    }

    /// Uploads these bytes, at most [`flight_bytes`](Session::flight_bytes) of them, in one flight.
    /// Where the hub refuses the opening, it refuses the commit too; the first refusal is the error.
    ///
    /// Dropped before it is done, the upload may take effect all the same.
    pub(crate) async fn upload_whole(&self, mut open: OpenUpload, body: &[u8]) -> Result<Receipt> {
        let inner = &*self.inner;
        let upload = self.next_upload();
        let upload = upload.ok_or_else(|| Error::unexpected("it chooses the numbers itself"))?;
        open.upload = Some(upload);
        let _permits = inner.in_flight.acquire_many(2).await;
        let mut failure = Failure {
            session: self,
            upload,
            told: inner.shared.expect_failure(upload),
        };
        let mut flight = Vec::with_capacity(body.len() + 1024);
        let opened = self.expect(&Request::OpenUpload(open), Opens::Nothing, &mut flight);
        if let Some(bytes) = u32::try_from(body.len()).ok().filter(|bytes| *bytes > 0) {
            let chunk = DeviceNotification::UploadChunk { upload, bytes };
            flight.extend(encode_notification(&chunk));
            flight.extend(body);
        }
        let bytes = body.len() as u64;
        let hash = Some(ContentHash::of(body));
        let commit = Request::CommitUpload(CommitUpload {
            upload,
            bytes,
            hash,
        });
        let committed = self.expect(&commit, Opens::Nothing, &mut flight);
        self.write_flight(flight).await?;
        // The deadlines begin now: other uploads' chunks may have been before these bytes.
        let held = match opened.read_within(CALL_DEADLINE).await? {
            OpenUploadReply::Committed { receipt } => return Ok(receipt),
            OpenUploadReply::Ready { offset, .. } => offset,
        };
        match committed.read_within(COMMIT_DEADLINE).await {
            Err(error) => {
                // The failure came first and says more than that there is no such upload any more.
                let error = failure.told.try_recv().map_or(error, Error::refused);
                // The hub held a part of an earlier try, and has dropped it: the next try succeeds.
                let misfits = [ErrorCode::HashMismatch, ErrorCode::BadLine];
                let misfits = misfits.iter().any(|code| error.is_refused_with(*code));
                Err(if held > 0 && misfits {
                    Error::changed()
                } else {
                    error
                })
            }
            Ok(receipt) => Ok(receipt),
        }
    }

    async fn write_flight(&self, flight: Vec<u8>) -> Result<()> {
        let (writing, written) = oneshot::channel();
        let queued = self.inner.chunks.send(Bulk::Flight(flight, writing)).await;
        if queued.is_err() || written.await.is_err() {
            return Err(Error::closed(self.closed().await));
        }
        Ok(())
    }
}

/// Listens for the failure of an upload as long as this lives.
struct Failure<'a> {
    session: &'a Session,
    upload: UploadNumber,
    told: oneshot::Receiver<fleetlink_proto::control::RpcError>,
}

impl Drop for Failure<'_> {
    fn drop(&mut self) {
        self.session.inner.shared.forget_upload(self.upload);
    }
}
