//! Uploads: read ahead, hash, send, commit; and go on where an interrupted one stopped.

mod attempt;
mod blocks;
mod retry;

use std::io;
use std::path::Path;

use fleetlink_proto::FileId;
use fleetlink_proto::control::{Receipt, UploadMode};
use tokio::io::AsyncRead;

use crate::{AttachError, CallError, RefusedInput, Session, Sessions, new_key};

use attempt::Seen;
pub(crate) use attempt::of_bytes;
pub(crate) use retry::{Retry, asked_wait, passes};

/// What is uploaded to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadTask {
    /// The device's file.
    pub file: FileId,
    /// What happens to what the file held before.
    pub mode: UploadMode,
    /// Whether a source without samples may replace what the file held: its producer may have
    /// failed.
    pub allow_empty: bool,
}

impl UploadTask {
    /// Tells whether this task, with a source without samples, would empty the file unasked.
    fn is_empty_replacement(&self) -> bool {
        self.mode == UploadMode::Replace && !self.allow_empty
    }
}

/// What an upload did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The hub's receipt.
    pub receipt: Receipt,
    /// Samples that had more than nine decimals and were rounded, half to even.
    pub rounded: u64,
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
    /// A line of it is no sample.
    #[error("line {}: {refused}", refused.line)]
    Refused {
        /// Which, and why.
        refused: RefusedInput,
    },
    /// It has no samples, and would have replaced those that the hub holds.
    #[error("there are no samples, so nothing is replaced")]
    Empty,
    /// The hub held the beginning of something else under the upload's key.
    #[error("the file has changed while it was uploaded")]
    Changed,
}

/// Uploads a regular file. When the connection is lost or the outcome is unknown it asks again
/// with the same key, and goes on where the hub stopped; `progress` hears how many bytes of the file
/// are read and sent. The file is read by a [`SampleReader`](crate::SampleReader).
pub async fn upload_file(
    sessions: &impl Sessions,
    task: UploadTask,
    path: &Path,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Uploaded, UploadError> {
    let mut key = new_key();
    let mut retry = Retry::default();
    let (mut furthest, mut rounded) = (0, 0);
    loop {
        let mut seen = Seen::default();
        let tried = async {
            let session = sessions.session().await?;
            retry.through(&session);
            attempt::of_file(&session, task, key, path, (&mut seen, &mut progress)).await
        };
        let tried = tried.await;
        // A commit whose answer was lost is not read again.
        rounded = rounded.max(seen.rounded);
        furthest = furthest.max(seen.sent);
        match tried {
            Ok(receipt) => return Ok(Uploaded { receipt, rounded }),
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
) -> Result<Uploaded, UploadError> {
    let mut seen = Seen::default();
    let (key, watched) = (new_key(), (&mut seen, &mut progress as _));
    let receipt = attempt::of_stream(session, task, key, source, watched).await?;
    let rounded = seen.rounded;
    Ok(Uploaded { receipt, rounded })
}
