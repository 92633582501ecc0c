//! Uploads of what can be read once: a pipe, a stream.

use fleetlink_proto::control::Receipt;
use fleetlink_proto::control::limits::MAX_CHUNK_BYTES;
use tokio::io::AsyncRead;
use tokio::time::Instant;

use super::attempt::{Asked, Opened, Seen, open, send};
use super::blocks::{Blocks, Whole};
use super::{Held, UploadTask, Uploaded};
use crate::limits::STREAM_PATIENCE;
use crate::retry::{Attempt, Patience, Tries, retry};
use crate::session::OpenedUpload;
use crate::{Error, Result, Retry, Sessions, new_key};

const ONCE: &str = "the data came from a stream, which cannot be read again: start the upload anew";

/// Uploads everything that the source gives until its end. A source of at most one chunk (1 MiB)
/// whose end comes within [`STREAM_PATIENCE`] is kept until the hub has it, and is sent as often as
/// that takes. The bytes of another one are gone once they are sent: where the connection is lost
/// meanwhile, the upload fails. Its commit alone is tried again.
pub async fn upload_stream(
    sessions: &impl Sessions,
    task: UploadTask,
    source: impl AsyncRead + Send + Unpin + 'static,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Uploaded> {
    let mut blocks = Blocks::of_stream(source);
    let mut asked = Asked {
        task: &task,
        key: new_key(),
        again: false,
    };
    // A producer that takes its time is no reason to keep the hub waiting for its upload.
    let soon = Instant::now() + STREAM_PATIENCE;
    let most = usize::try_from(MAX_CHUNK_BYTES).unwrap_or(usize::MAX);
    if let Some(small) = blocks.whole(most, Some(soon)).await? {
        asked.check_samples(&small.whole)?;
        let mut held = Held::new(sessions, &task, &small.bytes);
        let receipt = retry(&mut Tries::new(Patience::Change), &mut held).await?;
        progress(small.position);
        let rounded = small.whole.rounded;
        return Ok(Uploaded { receipt, rounded });
    }
    let mut opening = Opening { sessions, asked };
    let upload = retry(&mut Tries::new(Patience::Change), &mut opening).await?;
    let mut seen = Seen::default();
    let sent = send(upload, asked, blocks, (&mut seen, &mut progress)).await;
    let (upload, whole) = sent.map_err(cannot_go_on)?;
    let receipt = match upload.commit(whole.bytes, whole.hash).await {
        Err(error) if error.retry() == Retry::Soon => {
            asked.again = true;
            let mut commit = Committing {
                sessions,
                asked,
                whole,
            };
            let committed = retry(&mut Tries::new(Patience::Change), &mut commit).await?;
            committed.ok_or_else(|| cannot_go_on(error))?
        }
        committed => committed?,
    };
    let rounded = seen.rounded;
    Ok(Uploaded { receipt, rounded })
}

/// The first step, which reads nothing of the source.
struct Opening<'a, S> {
    sessions: &'a S,
    asked: Asked<'a>,
}

impl<S: Sessions> Attempt for Opening<'_, S> {
    type Done = OpenedUpload;

    async fn attempt(&mut self, tries: &mut Tries) -> Result<OpenedUpload> {
        let session = self.sessions.session().await?;
        tries.keep_alive(session.keep_alive());
        match open(&session, self.asked).await? {
            Opened::Ready(upload, start) if start.offset == 0 => Ok(upload),
            Opened::Ready(upload, _) => {
                upload.abort().await?;
                Err(new_upload_is_old())
            }
            Opened::Committed(_) => Err(new_upload_is_old()),
        }
    }
}

/// The commit of an upload of which all bytes were sent, where its reply was lost.
struct Committing<'a, S> {
    sessions: &'a S,
    asked: Asked<'a>,
    whole: Whole,
}

impl<S: Sessions> Attempt for Committing<'_, S> {
    /// Nothing where the hub lacks some of the bytes.
    type Done = Option<Receipt>;

    async fn attempt(&mut self, tries: &mut Tries) -> Result<Option<Receipt>> {
        let session = self.sessions.session().await?;
        tries.keep_alive(session.keep_alive());
        let Whole { bytes, hash, .. } = self.whole;
        match open(&session, self.asked).await? {
            Opened::Committed(receipt) => Ok(Some(receipt)),
            Opened::Ready(upload, start) if (start.offset, start.hash) == (bytes, hash) => {
                upload.commit(bytes, hash).await.map(Some)
            }
            Opened::Ready(upload, _) => {
                upload.abort().await?;
                Ok(None)
            }
        }
    }
}

fn new_upload_is_old() -> Error {
    Error::unexpected("it knows an upload that has not begun")
}

/// Says that the source cannot be read again, where the failure is one that passes.
fn cannot_go_on(error: Error) -> Error {
    match error.retry() {
        Retry::Never => error,
        _ => {
            let text = format!("{error}; {ONCE}");
            error.saying(text)
        }
    }
}
