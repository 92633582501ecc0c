//! Reading a data file as the operator: over the socket, or from the store itself. What came is
//! compared with what was sent.

use std::io;

use fleetlink_proto::control::RpcError;
use fleetlink_proto::{ContentHash, DataFile, DeviceName, Version};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::content::{Content, ContentInfo, Next};
use super::socket::{Connection, write_line};
use super::{Operator, OperatorCall, OperatorError, OperatorReply, Way};

/// The longest piece that is taken.
const MAX_PIECE_BYTES: u32 = 1 << 20;

/// A line behind the answer to [`OperatorCall::Read`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Piece {
    /// The number of bytes that follow the line.
    Bytes(u32),
    /// All came.
    End { bytes: u64, hash: ContentHash },
    /// No more comes.
    Failed(RpcError),
}

/// A data file that was read whole and verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadFile {
    pub bytes: u64,
    pub samples: u64,
    pub version: Version,
    /// The hash of its bytes.
    pub hash: ContentHash,
}

/// The reason why a data file was not read. Bytes written before it must not be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The hub refused it, ended it, or went away.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// The received data could not be written.
    #[error("the file cannot be written: {0}")]
    Target(io::Error),
    /// The received data differ from the data that were sent.
    #[error("what came is not what the hub sent: the hash or the length differs")]
    Mismatch,
}

impl From<RpcError> for ReadError {
    fn from(error: RpcError) -> Self {
        OperatorError::NotDone(error).into()
    }
}

impl Operator {
    /// Reads a data file; `progress` hears how many bytes of how many came.
    ///
    /// # Errors
    /// There is no such file, it is damaged, or what came cannot be written.
    pub async fn read(
        &mut self,
        (device, file): (DeviceName, DataFile),
        target: &mut (impl AsyncWrite + Unpin),
        progress: impl FnMut(u64, u64),
    ) -> Result<ReadFile, ReadError> {
        let origin = match &mut self.0 {
            Way::Running(connection) => {
                let call = OperatorCall::Read { device, file };
                match connection.call(&call).await? {
                    OperatorReply::Content(info) => Origin::Running(connection, info),
                    OperatorReply::NotDone(error) => return Err(error.into()),
                    _ => {
                        let odd = "the hub sent a reply of another kind".to_owned();
                        return Err(OperatorError::Refused(odd).into());
                    }
                }
            }
            Way::Offline(offline) => Origin::Offline(offline.content(device, file).await??),
        };
        copy(origin, target, progress).await
    }
}

enum Origin<'a> {
    Running(&'a mut Connection, ContentInfo),
    Offline(Content),
}

impl Origin<'_> {
    fn info(&self) -> ContentInfo {
        match self {
            Origin::Running(_, info) => *info,
            Origin::Offline(content) => content.info(),
        }
    }

    async fn next(&mut self) -> Result<Next, ReadError> {
        match self {
            Origin::Offline(content) => Ok(content.next().await?),
            Origin::Running(connection, _) => match connection.line::<Piece>().await? {
                Piece::Bytes(bytes) if bytes <= MAX_PIECE_BYTES => {
                    Ok(Next::Bytes(connection.bytes(bytes).await?))
                }
                Piece::Bytes(_) => Err(ReadError::Mismatch),
                Piece::End { bytes, hash } => Ok(Next::End { bytes, hash }),
                Piece::Failed(error) => Err(error.into()),
            },
        }
    }
}

async fn copy(
    mut origin: Origin<'_>,
    target: &mut (impl AsyncWrite + Unpin),
    mut progress: impl FnMut(u64, u64),
) -> Result<ReadFile, ReadError> {
    let info = origin.info();
    let mut hasher = Box::new(blake3::Hasher::new());
    loop {
        match origin.next().await? {
            Next::Bytes(piece) => {
                hasher.update(&piece);
                target.write_all(&piece).await.map_err(ReadError::Target)?;
                progress(hasher.count(), info.bytes);
            }
            Next::End { bytes, hash } => {
                target.flush().await.map_err(ReadError::Target)?;
                let came = (hasher.count(), ContentHash::from(hasher.finalize()));
                if came != (bytes, hash) || bytes != info.bytes {
                    return Err(ReadError::Mismatch);
                }
                return Ok(ReadFile {
                    bytes,
                    samples: info.samples,
                    version: info.version,
                    hash,
                });
            }
        }
    }
}

/// Sends the content behind its answer, over the socket.
pub(super) async fn send(
    mut content: Content,
    outgoing: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    loop {
        match content.next().await {
            Ok(Next::Bytes(piece)) => {
                let bytes = u32::try_from(piece.len()).map_err(io::Error::other)?;
                write_line(outgoing, &Piece::Bytes(bytes)).await?;
                outgoing.write_all(&piece).await?;
            }
            Ok(Next::End { bytes, hash }) => {
                return write_line(outgoing, &Piece::End { bytes, hash }).await;
            }
            Err(error) => return write_line(outgoing, &Piece::Failed(error)).await,
        }
    }
}
