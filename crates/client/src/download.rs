//! Downloads: written while they come, believed when their hash is right.

use std::path::Path;

use fleetlink_proto::control::{OpenDownload, OpenDownloadReply};
use fleetlink_proto::{ContentHash, DataFile, Version};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::limits::DOWNLOAD_STALL_DEADLINE;
use crate::session::{DownloadEvent, OpenedDownload};
use crate::temporary::{Existing, write_whole};
use crate::{Error, ErrorKind, Result, Session};

/// A complete, verified download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// The number of bytes.
    pub bytes: u64,
    /// The number of samples.
    pub samples: u64,
    /// The file's version.
    pub version: Version,
    /// The hash of the bytes.
    pub hash: ContentHash,
}

/// Downloads one of the device's own files; `progress` hears how many bytes of how many came.
///
/// # Errors
/// The hub refuses it, ends it or goes away; nothing comes for too long; `target` cannot be written;
/// or what came is not what the hub sent. What was written until then is not to be trusted.
pub async fn download(
    session: &Session,
    file: DataFile,
    target: &mut (impl AsyncWrite + Unpin),
    mut progress: impl FnMut(u64, u64),
) -> Result<Downloaded> {
    let (opened, mut incoming) = session
        .open_download(OpenDownload {
            file,
            download: None,
        })
        .await?;
    let mut hasher = blake3::Hasher::new();
    loop {
        match next(&mut incoming).await? {
            DownloadEvent::Bytes(piece) => {
                hasher.update(&piece);
                target.write_all(&piece).await.map_err(Error::unwritable)?;
                progress(hasher.count(), opened.bytes);
            }
            DownloadEvent::Failed(error) => return Err(Error::refused(error)),
            DownloadEvent::End { bytes, hash } => {
                target.flush().await.map_err(Error::unwritable)?;
                return verified(&opened, &hasher, bytes, hash);
            }
        }
    }
}

async fn next(incoming: &mut OpenedDownload) -> Result<DownloadEvent> {
    match timeout(DOWNLOAD_STALL_DEADLINE, incoming.next()).await {
        Ok(event) => event,
        Err(_) => {
            let seconds = DOWNLOAD_STALL_DEADLINE.as_secs();
            let message = format!("nothing came for {seconds} seconds");
            Err(Error::new(ErrorKind::TimedOut, message))
        }
    }
}

fn verified(
    opened: &OpenDownloadReply,
    came: &blake3::Hasher,
    bytes: u64,
    hash: ContentHash,
) -> Result<Downloaded> {
    let right = came.count() == bytes
        && bytes == opened.bytes
        && ContentHash::from(came.finalize()) == hash;
    if !right {
        let message = "what came is not what the hub sent: the hash or the length differs";
        return Err(Error::new(ErrorKind::Damaged, message));
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
    file: DataFile,
    path: &Path,
    existing: Existing,
    progress: impl FnMut(u64, u64),
) -> Result<Downloaded> {
    write_whole(path, existing, Error::unwritable, async |target| {
        download(session, file, target, progress).await
    })
    .await
}
