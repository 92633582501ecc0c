//! One try of an upload within one session.

use fleetlink_proto::IdempotencyKey;
use fleetlink_proto::control::{OpenUpload, OpenUploadReply, Receipt};
use tokio::io::AsyncRead;

use super::UploadTask;
use super::blocks::{Blocks, Origin, Read, ReadError};
use crate::session::OpenedUpload;
use crate::{Error, Result, Session};

/// Hears how many bytes of the source were read.
type Progress<'a> = &'a mut (dyn FnMut(u64) + Send + 'a);

/// What one try has seen of its source, also where it failed afterwards.
#[derive(Default)]
pub(super) struct Seen {
    /// Samples that were rounded, once the source was read to its end.
    pub(super) rounded: u64,
    /// How far the strict form was sent.
    pub(super) sent: u64,
}

pub(super) async fn of_origin(
    session: &Session,
    task: UploadTask,
    key: IdempotencyKey,
    origin: &Origin,
    (seen, progress): (&mut Seen, Progress<'_>),
) -> Result<Receipt> {
    match open(session, task.clone(), key).await? {
        Opened::Committed(receipt) => Ok(receipt),
        Opened::Ready(upload, start) => {
            let blocks = Blocks::of(origin.clone(), start);
            seen.sent = seen.sent.max(start.offset);
            send(upload, task, blocks, (seen, progress)).await
        }
    }
}

pub(super) async fn of_stream(
    session: &Session,
    task: UploadTask,
    key: IdempotencyKey,
    source: impl AsyncRead + Send + Unpin + 'static,
    (seen, progress): (&mut Seen, Progress<'_>),
) -> Result<Receipt> {
    match open(session, task.clone(), key).await? {
        Opened::Committed(receipt) => Ok(receipt),
        Opened::Ready(upload, start) if start.offset == 0 => {
            let blocks = Blocks::of_stream(source);
            send(upload, task, blocks, (seen, progress)).await
        }
        Opened::Ready(upload, _) => {
            upload.abort().await?;
            Err(Error::changed())
        }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Source(error) => Error::unreadable(error),
            ReadError::Refused(refused) => Error::bad_line(refused),
        }
    }
}

/// What the hub already holds of the upload.
#[derive(Clone, Copy)]
pub(super) struct Start {
    pub(super) offset: u64,
    pub(super) hash: fleetlink_proto::ContentHash,
}

enum Opened {
    Committed(Receipt),
    Ready(OpenedUpload, Start),
}

async fn open(session: &Session, task: UploadTask, key: IdempotencyKey) -> Result<Opened> {
    let UploadTask { file, mode, .. } = task;
    match session
        .open_upload(OpenUpload {
            file,
            mode,
            key,
            upload: None,
        })
        .await?
    {
        (OpenUploadReply::Committed { receipt }, _) => Ok(Opened::Committed(receipt)),
        (OpenUploadReply::Ready { offset, hash, .. }, Some(upload)) => {
            Ok(Opened::Ready(upload, Start { offset, hash }))
        }
        (OpenUploadReply::Ready { .. }, None) => Err(Error::unexpected("the upload has no number")),
    }
}

/// Sends bytes that are strict already, which one chunk holds.
pub(crate) async fn of_bytes(
    session: &Session,
    task: UploadTask,
    key: IdempotencyKey,
    bytes: &[u8],
) -> Result<Receipt> {
    let (mut upload, start) = match open(session, task, key).await? {
        Opened::Committed(receipt) => return Ok(receipt),
        Opened::Ready(upload, start) => (upload, start),
    };
    let held = usize::try_from(start.offset).unwrap_or(usize::MAX);
    let same = |held: &[u8]| fleetlink_proto::ContentHash::from(blake3::hash(held)) == start.hash;
    match bytes.split_at_checked(held) {
        Some((held, wanted)) if held.is_empty() || same(held) => {
            if !wanted.is_empty() {
                upload.send(wanted.to_vec()).await?;
            }
            let hash = blake3::hash(bytes).into();
            Ok(upload.commit(bytes.len() as u64, hash).await?)
        }
        _ => {
            upload.abort().await?;
            Err(Error::changed())
        }
    }
}

async fn send(
    mut upload: OpenedUpload,
    task: UploadTask,
    mut blocks: Blocks,
    (seen, progress): (&mut Seen, Progress<'_>),
) -> Result<Receipt> {
    loop {
        let read = tokio::select! {
            biased;
            failure = upload.failure() => return Err(failure),
            read = blocks.next() => read,
        };
        match read {
            Ok(Read::Block { bytes, position }) => {
                seen.sent += bytes.len() as u64;
                upload.send(bytes).await?;
                progress(position);
            }
            Ok(Read::Differs) => {
                upload.abort().await?;
                return Err(Error::changed());
            }
            Ok(Read::End(whole)) => {
                if whole.samples == 0 && task.is_empty_replacement() {
                    upload.abort().await?;
                    return Err(Error::no_samples());
                }
                seen.rounded = whole.rounded;
                return upload.commit(whole.bytes, whole.hash).await;
            }
            Err(error) => {
                upload.abort().await?;
                return Err(error.into());
            }
        }
    }
}
