//! One try of an upload within one session.

use std::path::Path;

use fleetlink_proto::IdempotencyKey;
use fleetlink_proto::control::{OpenUpload, OpenUploadReply, Receipt};
use tokio::io::AsyncRead;

use super::blocks::{Blocks, Read};
use super::{UploadError, UploadTask};
use crate::session::OpenedUpload;
use crate::{CallError, Session};

type Progress<'a> = &'a mut (dyn FnMut(u64) + Send);

pub(super) async fn of_file(
    session: &Session,
    task: UploadTask,
    key: IdempotencyKey,
    path: &Path,
    progress: Progress<'_>,
) -> Result<Receipt, UploadError> {
    match open(session, task, key).await? {
        Opened::Committed(receipt) => Ok(receipt),
        Opened::Ready(upload, start) => {
            let blocks = Blocks::of_file(path.to_owned(), start);
            send(upload, blocks, start, progress).await
        }
    }
}

pub(super) async fn of_stream(
    session: &Session,
    task: UploadTask,
    key: IdempotencyKey,
    source: impl AsyncRead + Send + Unpin + 'static,
    progress: Progress<'_>,
) -> Result<Receipt, UploadError> {
    match open(session, task, key).await? {
        Opened::Committed(receipt) => Ok(receipt),
        Opened::Ready(upload, start) if start.offset == 0 => {
            send(upload, Blocks::of_stream(source), start, progress).await
        }
        Opened::Ready(upload, _) => {
            upload.abort().await?;
            Err(UploadError::Changed)
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
    let UploadTask { file, mode } = task;
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

async fn send(
    mut upload: OpenedUpload,
    mut blocks: Blocks,
    start: Start,
    progress: Progress<'_>,
) -> Result<Receipt, UploadError> {
    let mut sent = start.offset;
    loop {
        let read = tokio::select! {
            biased;
            failure = upload.failure() => return Err(failure.into()),
            read = blocks.next() => read,
        };
        match read.map_err(UploadError::Source)? {
            Read::Block(block) => {
                sent += block.len() as u64;
                upload.send(block).await?;
                progress(sent);
            }
            Read::Differs => {
                upload.abort().await?;
                return Err(UploadError::Changed);
            }
            Read::End { bytes, hash } => return Ok(upload.commit(bytes, hash).await?),
        }
    }
}
