//! Downloads: written while they come, believed when their hash is right.

use std::io;
use std::path::Path;

use fleetlink_proto::control::{OpenDownload, OpenDownloadReply, RpcError};
use fleetlink_proto::{ContentHash, FileId};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::limits::DOWNLOAD_STALL_DEADLINE;
use crate::session::{DownloadEvent, OpenedDownload};
use crate::temporary::{Existing, write_whole};
use crate::{CallError, Session};

/// A complete, verified download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// How many bytes came.
    pub bytes: u64,
    /// How many samples they hold.
    pub samples: u64,
    /// The file's version.
    pub version: u64,
    /// The hash of the bytes.
    pub hash: ContentHash,
}

/// Why a download failed. What was written until then is not to be trusted.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The hub refused it, ended it, or went away.
    #[error(transparent)]
    Call(#[from] CallError),
    /// What came could not be written.
    #[error("the file cannot be written: {0}")]
    Target(io::Error),
    /// What came is not what the hub says it sent.
    #[error("what came is not what the hub sent: the hash or the length differs")]
    Mismatch,
    /// Nothing came for too long.
    #[error("nothing came for {} seconds", DOWNLOAD_STALL_DEADLINE.as_secs())]
    Stalled,
}

/// Downloads one of the device's own files; `progress` hears how many bytes of how many came.
pub async fn download(
    session: &Session,
    file: FileId,
    target: &mut (impl AsyncWrite + Unpin),
    mut progress: impl FnMut(u64, u64),
) -> Result<Downloaded, DownloadError> {
    let (opened, mut incoming) = session.open_download(OpenDownload { file }).await?;
    let mut hasher = blake3::Hasher::new();
    loop {
        match next(&mut incoming).await? {
            DownloadEvent::Bytes(piece) => {
                hasher.update(&piece);
                target
                    .write_all(&piece)
                    .await
                    .map_err(DownloadError::Target)?;
                progress(hasher.count(), opened.bytes);
            }
            DownloadEvent::Failed(error) => return Err(refused(error)),
            DownloadEvent::End { bytes, hash } => {
                target.flush().await.map_err(DownloadError::Target)?;
                return verified(&opened, &hasher, bytes, hash);
            }
        }
    }
}

async fn next(incoming: &mut OpenedDownload) -> Result<DownloadEvent, DownloadError> {
    match timeout(DOWNLOAD_STALL_DEADLINE, incoming.next()).await {
        Ok(event) => Ok(event?),
        Err(_) => Err(DownloadError::Stalled),
    }
}

fn refused(error: RpcError) -> DownloadError {
    CallError::Refused(error).into()
}

fn verified(
    opened: &OpenDownloadReply,
    came: &blake3::Hasher,
    bytes: u64,
    hash: ContentHash,
) -> Result<Downloaded, DownloadError> {
    let right = came.count() == bytes
        && bytes == opened.bytes
        && ContentHash::from(came.finalize()) == hash;
    if !right {
        return Err(DownloadError::Mismatch);
    }
    Ok(Downloaded {
        bytes,
        samples: opened.samples,
        version: opened.version,
        hash,
    })
}

/// Downloads to a file that appears only when it is complete and verified.
pub async fn download_to_file(
    session: &Session,
    file: FileId,
    path: &Path,
    existing: Existing,
    progress: impl FnMut(u64, u64),
) -> Result<Downloaded, DownloadError> {
    write_whole(path, existing, DownloadError::Target, async |target| {
        download(session, file, target, progress).await
    })
    .await
}
