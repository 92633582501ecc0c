//! Uploads: read ahead, hash, send, commit; and go on where an interrupted one stopped.

mod attempt;
mod blocks;
mod held;
mod once;

use std::path::Path;

use fleetlink_proto::control::{Receipt, UploadMode};
use fleetlink_proto::{DataFile, IdempotencyKey};

use crate::retry::{Attempt, Patience, Tries, retry};
use crate::{ErrorKind, Result, Sessions, new_key};

use attempt::{Asked, Seen};
pub(crate) use blocks::Origin;
pub(crate) use held::Held;
pub use once::upload_stream;

/// The data file of an upload, and how it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadTask {
    /// The data file.
    pub file: DataFile,
    /// Whether the samples replace those that the data file holds, or are added to them.
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

/// A committed upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The hub's receipt.
    pub receipt: Receipt,
    /// Samples that had more than nine decimals and were rounded, half to even.
    pub rounded: u64,
}

/// Uploads a regular file. When the connection is lost or the outcome is unknown it asks again
/// with the same key, and goes on where the hub stopped; `progress` hears how many bytes of the file
/// are read and sent. The file is read by a [`SampleReader`](crate::SampleReader).
pub async fn upload_file(
    sessions: &impl Sessions,
    task: UploadTask,
    path: &Path,
    progress: impl FnMut(u64) + Send,
) -> Result<Uploaded> {
    let origin = Origin::File(path.to_owned());
    upload(sessions, task, &origin, progress).await
}

/// Uploads what can be read again.
pub(crate) async fn upload(
    sessions: &impl Sessions,
    task: UploadTask,
    origin: &Origin,
    progress: impl FnMut(u64) + Send,
) -> Result<Uploaded> {
    let mut upload = FileUpload {
        sessions,
        task,
        origin,
        key: new_key(),
        again: false,
        furthest: 0,
        rounded: 0,
        progress,
    };
    let receipt = retry(&mut Tries::new(Patience::Change), &mut upload).await?;
    let rounded = upload.rounded;
    Ok(Uploaded { receipt, rounded })
}

/// A file on its way to the hub.
struct FileUpload<'a, S, P> {
    sessions: &'a S,
    task: UploadTask,
    origin: &'a Origin,
    key: IdempotencyKey,
    /// Whether the key was used.
    again: bool,
    /// The most bytes of the strict form that any try sent.
    furthest: u64,
    rounded: u64,
    progress: P,
}

impl<S: Sessions, P: FnMut(u64) + Send> Attempt for FileUpload<'_, S, P> {
    type Done = Receipt;

    async fn attempt(&mut self, tries: &mut Tries) -> Result<Receipt> {
        let mut seen = Seen::default();
        let session = self.sessions.session().await?;
        tries.keep_alive(session.keep_alive());
        let watched = (&mut seen, &mut self.progress as _);
        let asked = Asked {
            task: &self.task,
            key: self.key,
            again: std::mem::replace(&mut self.again, true),
        };
        let tried = attempt::of_origin(&session, asked, self.origin, watched).await;
        // A commit whose answer was lost is not read again.
        self.rounded = self.rounded.max(seen.rounded);
        self.furthest = self.furthest.max(seen.sent);
        tries.progressed(self.furthest);
        if let Err(error) = &tried
            && matches!(error.kind(), ErrorKind::Changed)
        {
            (self.key, self.again) = (new_key(), false);
        }
        tried
    }
}
