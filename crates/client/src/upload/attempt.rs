//! One try of an upload within one session.

use std::path::Path;

use fleetlink_proto::IdempotencyKey;
use fleetlink_proto::control::{OpenUpload, OpenUploadReply, Receipt};
use tokio::io::AsyncRead;

use super::blocks::{Blocks, Read, ReadError};
use super::{UploadError, UploadTask};
use crate::session::OpenedUpload;
use crate::{CallError, Session};

type Progress<'a> = &'a mut (dyn FnMut(u64) + Send);

/// What one try has seen of its source, also where it failed afterwards.
#[derive(Default)]
pub(super) struct Seen {
    /// Samples that were rounded, once the source was read to its end.
    pub(super) rounded: u64,
    /// How far the strict form was sent.
    pub(super) sent: u64,
}

pub(super) async fn of_file(
    session: &Session,
    task: UploadTask,
    key: IdempotencyKey,
    path: &Path,
    (seen, progress): (&mut Seen, Progress<'_>),
) -> Result<Receipt, UploadError> {
    match open(session, task, key).await? {
        Opened::Committed(receipt) => Ok(receipt),
        Opened::Ready(upload, start) => {
            let blocks = Blocks::of_file(path.to_owned(), start);
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
) -> Result<Receipt, UploadError> {
    match open(session, task, key).await? {
        Opened::Committed(receipt) => Ok(receipt),
        Opened::Ready(upload, start) if start.offset == 0 => {
            let blocks = Blocks::of_stream(source);
            send(upload, task, blocks, (seen, progress)).await
        }
        Opened::Ready(upload, _) => {
            upload.abort().await?;
            Err(UploadError::Changed)
        }
    }
}

impl From<ReadError> for UploadError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Source(error) => UploadError::Source(error),
            ReadError::Refused(refused) => UploadError::Refused { refused },
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

async fn open(
    session: &Session,
    task: UploadTask,
    key: IdempotencyKey,
) -> Result<Opened, UploadError> {
    let UploadTask { file, mode, .. } = task;
    match session.open_upload(OpenUpload { file, mode, key }).await? {
        (OpenUploadReply::Committed { receipt }, _) => Ok(Opened::Committed(receipt)),
        (OpenUploadReply::Ready { offset, hash, .. }, Some(upload)) => {
            Ok(Opened::Ready(upload, Start { offset, hash }))
        }
        (OpenUploadReply::Ready { .. }, None) => {
            Err(CallError::Unexpected("the upload has no number".to_owned()).into())
        }
    }
}

/// Sends bytes that are strict already, which one chunk holds.
pub(crate) async fn of_bytes(
    session: &Session,
    task: UploadTask,
    key: IdempotencyKey,
    bytes: &[u8],
) -> Result<Receipt, UploadError> {
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
            Err(UploadError::Changed)
        }
    }
}

async fn send(
    mut upload: OpenedUpload,
    task: UploadTask,
    mut blocks: Blocks,
    (seen, progress): (&mut Seen, Progress<'_>),
) -> Result<Receipt, UploadError> {
    loop {
        let read = tokio::select! {
            biased;
            failure = upload.failure() => return Err(failure.into()),
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
                return Err(UploadError::Changed);
            }
            Ok(Read::End(whole)) => {
                if whole.samples == 0 && task.is_empty_replacement() {
                    upload.abort().await?;
                    return Err(UploadError::Empty);
                }
                seen.rounded = whole.rounded;
                return Ok(upload.commit(whole.bytes, whole.hash).await?);
            }
            Err(error) => {
                upload.abort().await?;
                return Err(error.into());
            }
        }
    }
}
