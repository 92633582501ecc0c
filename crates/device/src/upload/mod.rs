//! Uploads: read ahead, hash, send, commit; and go on where an interrupted one stopped.

mod attempt;
mod blocks;
mod retry;

use std::io;
use std::path::Path;

use fleetlink_proto::FileId;
use fleetlink_proto::control::{Receipt, UploadMode};
use tokio::io::AsyncRead;

use crate::{AttachError, CallError, Session, Sessions, new_key};

pub(crate) use retry::Retry;

/// What is uploaded to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadTask {
    /// The device's file.
    pub file: FileId,
    /// What happens to what the file held before.
    pub mode: UploadMode,
}

/// Why a change of the device's data failed.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// A call failed, or the hub ended the upload.
    #[error(transparent)]
    Call(#[from] CallError),
    /// No session was to be had.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// What was to be uploaded could not be read.
    #[error("the data cannot be read: {0}")]
    Source(io::Error),
    /// The hub held the beginning of something else under the upload's key.
    #[error("the file has changed while it was uploaded")]
    Changed,
}

/// Uploads a regular file. When the connection is lost or the outcome is unknown it asks again
/// with the same key, and goes on where the hub stopped; `progress` hears how many bytes are sent.
pub async fn upload_file(
    sessions: &impl Sessions,
    task: UploadTask,
    path: &Path,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Receipt, UploadError> {
    let mut key = new_key();
    let mut retry = Retry::default();
    let mut furthest = 0;
    loop {
        let mut sent = |bytes: u64| {
            furthest = furthest.max(bytes);
            progress(bytes);
        };
        let tried = async {
            let session = sessions.session().await?;
            retry.through(&session);
            attempt::of_file(&session, task, key, path, &mut sent).await
        };
        match tried.await {
            Ok(receipt) => return Ok(receipt),
            Err(error) => {
                if matches!(error, UploadError::Changed) {
                    key = new_key();
                }
                retry.progressed(furthest);
                retry.after(error).await?;
            }
        }
    }
}

/// Uploads everything that the source gives until its end. What it gave is gone, so nothing is
/// tried again: only the commit, whose answer the same session can still give.
pub async fn upload_stream(
    session: &Session,
    task: UploadTask,
    source: impl AsyncRead + Send + Unpin + 'static,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Receipt, UploadError> {
    attempt::of_stream(session, task, new_key(), source, &mut progress).await
}
