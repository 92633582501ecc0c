//! One try of an upload within one session.

use fleetlink_proto::control::{OpenUpload, OpenUploadReply, Receipt};
use fleetlink_proto::{ContentHash, IdempotencyKey};

use super::UploadTask;
use super::blocks::{Blocks, Origin, Read, ReadError, Whole};
use crate::session::OpenedUpload;
use crate::{Error, Result, Session};

/// Hears how many bytes of the source were read.
pub(super) type Hear<'a> = &'a mut (dyn FnMut(u64) + Send + 'a);

/// The facts that one try learned of its source, also where it failed afterwards.
#[derive(Default)]
pub(super) struct Seen {
    /// Samples that were rounded, once the source was read to its end.
    pub(super) rounded: u64,
    /// The bytes of the strict form that were sent.
    pub(super) sent: u64,
}

/// The upload that a try is about. A try is made `again` where an earlier one used the same key.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) task: &'a UploadTask,
    pub(super) key: IdempotencyKey,
    pub(super) again: bool,
}

/// Uploads a source that can be read again: a small one in one flight, a larger one from where the
/// hub's part of it ends.
pub(super) async fn of_origin(
    session: &Session,
    asked: Asked<'_>,
    origin: &Origin,
    (seen, progress): (&mut Seen, Hear<'_>),
) -> Result<Receipt> {
    let mut from_start = None;
    if let Some(most) = session.flight_bytes(asked.again) {
        let mut blocks = Blocks::of(origin.clone(), Start::nothing());
        if let Some(small) = blocks.whole(most, None).await? {
            asked.check_samples(&small.whole)?;
            (seen.rounded, seen.sent) = (small.whole.rounded, small.whole.bytes);
            let receipt = session.upload_whole(asked.call(), &small.bytes).await?;
            progress(small.position);
            return Ok(receipt);
        }
        from_start = Some(blocks);
    }
    match open(session, asked).await? {
        Opened::Committed(receipt) => Ok(receipt),
        Opened::Ready(upload, start) => {
            let blocks = match from_start.filter(|_| start.offset == 0) {
                Some(blocks) => blocks,
                None => Blocks::of(origin.clone(), start),
            };
            seen.sent = seen.sent.max(start.offset);
            let (upload, whole) = send(upload, asked, blocks, (seen, progress)).await?;
            upload.commit(whole.bytes, whole.hash).await
        }
    }
}

impl Asked<'_> {
    fn call(self) -> OpenUpload {
        OpenUpload {
            file: self.task.file.clone(),
            mode: self.task.mode,
            key: self.key,
            upload: None,
        }
    }

    /// Checks that the data file is not emptied unasked.
    pub(super) fn check_samples(self, whole: &Whole) -> Result<()> {
        match whole.samples == 0 && self.task.is_empty_replacement() {
            true => Err(Error::no_samples()),
            false => Ok(()),
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

/// The part of the upload that the hub already holds.
#[derive(Clone, Copy)]
pub(super) struct Start {
    pub(super) offset: u64,
    pub(super) hash: ContentHash,
}

impl Start {
    /// The hub holds nothing yet.
    pub(super) fn nothing() -> Self {
        Start {
            offset: 0,
            hash: ContentHash::of(&[]),
        }
    }
}

pub(super) enum Opened {
    Committed(Receipt),
    Ready(OpenedUpload, Start),
}

pub(super) async fn open(session: &Session, asked: Asked<'_>) -> Result<Opened> {
    match session.open_upload(asked.call()).await? {
        (OpenUploadReply::Committed { receipt }, _) => Ok(Opened::Committed(receipt)),
        (OpenUploadReply::Ready { offset, hash, .. }, Some(upload)) => {
            Ok(Opened::Ready(upload, Start { offset, hash }))
        }
        (OpenUploadReply::Ready { .. }, None) => Err(Error::unexpected("the upload has no number")),
    }
}

/// Sends bytes that are strict already, which one chunk holds.
pub(super) async fn of_bytes(session: &Session, asked: Asked<'_>, bytes: &[u8]) -> Result<Receipt> {
    let most = session.flight_bytes(asked.again);
    if most.is_some_and(|most| bytes.len() <= most) {
        return session.upload_whole(asked.call(), bytes).await;
    }
    let (mut upload, start) = match open(session, asked).await? {
        Opened::Committed(receipt) => return Ok(receipt),
        Opened::Ready(upload, start) => (upload, start),
    };
    let held = usize::try_from(start.offset).unwrap_or(usize::MAX);
    match bytes.split_at_checked(held) {
        Some((held, wanted)) if held.is_empty() || ContentHash::of(held) == start.hash => {
            if !wanted.is_empty() {
                upload.send(wanted.to_vec()).await?;
            }
            let hash = ContentHash::of(bytes);
            Ok(upload.commit(bytes.len() as u64, hash).await?)
        }
        _ => {
            upload.abort().await?;
            Err(Error::changed())
        }
    }
}

/// Sends all blocks of a source; the upload can be committed after that.
pub(super) async fn send(
    mut upload: OpenedUpload,
    asked: Asked<'_>,
    mut blocks: Blocks,
    (seen, progress): (&mut Seen, Hear<'_>),
) -> Result<(OpenedUpload, Whole)> {
    loop {
        let read = tokio::select! {
            biased;
            failure = upload.failure() => return Err(failure),
            read = blocks.next() => read,
        };
        let error = match read {
            Ok(Read::Block { bytes, position }) => {
                seen.sent += bytes.len() as u64;
                upload.send(bytes).await?;
                progress(position);
                continue;
            }
            Ok(Read::End(whole)) => match asked.check_samples(&whole) {
                Ok(()) => {
                    seen.rounded = whole.rounded;
                    return Ok((upload, whole));
                }
                Err(error) => error,
            },
            Ok(Read::Differs) => Error::changed(),
            Err(error) => error.into(),
        };
        upload.abort().await?;
        return Err(error);
    }
}
