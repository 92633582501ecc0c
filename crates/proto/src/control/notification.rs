//! Messages that nobody answers.

use serde::{Deserialize, Serialize};

use super::error::RpcError;
use super::number::{DownloadNumber, UploadNumber};
use crate::{ContentHash, Retry};

/// A notification of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", content = "params")]
pub enum DeviceNotification {
    /// The next `bytes` bytes of the stream belong to this upload.
    #[serde(rename = "upload.chunk")]
    UploadChunk {
        /// The upload, as `upload.open` named it.
        upload: UploadNumber,
        /// The number of bytes that follow the line: 1 to 1,048,576.
        bytes: u32,
    },
}

/// The reason why the hub ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The same name joined elsewhere. The device does not reconnect by itself.
    Replaced,
    /// The account was removed. The device does not reconnect by itself.
    AccountRemoved,
    /// The account has no login any more. The device does not reconnect by itself.
    LoginRemoved,
    /// The password that opened the session was changed. The device does not reconnect by itself.
    PasswordChanged,
    /// The key that opened the session was revoked or replaced. The device does not reconnect by
    /// itself.
    KeyRevoked,
    /// The hub's operator ended the session. The device does not reconnect by itself.
    EndedByOperator,
    /// The hub is shutting down. The device reconnects when it is back.
    HubClosing,
    /// Nothing was heard from the device for one and a half keep-alives.
    Silent,
    /// The device broke the protocol or a limit. It does not reconnect by itself.
    Protocol,
    /// The hub is at one of its limits; later may succeed.
    Busy,
    /// A reason that this version does not know. The device reconnects: a hub that does not want it
    /// refuses its login.
    #[serde(other)]
    Other,
}

impl EndReason {
    /// Whether a new session can be opened later. What broke the protocol once will do so again.
    pub fn retry(self) -> Retry {
        match self {
            EndReason::HubClosing | EndReason::Silent | EndReason::Busy | EndReason::Other => {
                Retry::Soon
            }
            EndReason::Replaced
            | EndReason::AccountRemoved
            | EndReason::LoginRemoved
            | EndReason::PasswordChanged
            | EndReason::KeyRevoked
            | EndReason::EndedByOperator
            | EndReason::Protocol => Retry::Never,
        }
    }
}

/// A notification of a hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", content = "params")]
pub enum HubNotification {
    /// The hub closes the connection after this line.
    #[serde(rename = "session.end")]
    SessionEnd {
        /// The reason.
        reason: EndReason,
        /// The same for people.
        message: String,
    },
    /// The upload failed; send no more of it.
    #[serde(rename = "upload.failed")]
    UploadFailed {
        /// The upload, as `upload.open` named it.
        upload: UploadNumber,
        /// The reason.
        error: RpcError,
    },
    /// The next `bytes` bytes of the stream belong to this download.
    #[serde(rename = "download.chunk")]
    DownloadChunk {
        /// The download, as `download.open` named it.
        download: DownloadNumber,
        /// The number of bytes that follow the line: 1 to 1,048,576.
        bytes: u32,
    },
    /// The download is complete.
    #[serde(rename = "download.end")]
    DownloadEnd {
        /// The download, as `download.open` named it.
        download: DownloadNumber,
        /// The number of bytes sent.
        bytes: u64,
        /// Their hash, by the session's algorithm.
        hash: ContentHash,
    },
    /// The download failed; no more of it comes.
    #[serde(rename = "download.failed")]
    DownloadFailed {
        /// The download, as `download.open` named it.
        download: DownloadNumber,
        /// The reason.
        error: RpcError,
    },
}

impl HubNotification {
    /// The names of all notifications of a hub.
    pub const METHODS: &[&str] = &[
        "session.end",
        "upload.failed",
        "download.chunk",
        "download.end",
        "download.failed",
    ];
}
