//! The hub's replies.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::hello::HelloReply;
use super::number::{DownloadNumber, UploadNumber};
use super::request::UploadMode;
use crate::samples::{Decimal, Operation};
use crate::transfer::SignedGrant;
use crate::{
    ContentHash, DataFile, DeviceKey, DeviceName, Generation, HubTime, LoginNonce, Version,
    WallTime,
};

/// The answer to `login` and to `ticket.redeem`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginReply {
    /// The name under which the session is now logged in.
    pub name: DeviceName,
    /// The device's enrolled key, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<DeviceKey>,
}

/// The answer to `login.nonce`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginNonceReply {
    /// To be signed for one login on this connection.
    pub nonce: LoginNonce,
    /// The time for which it is valid, in milliseconds.
    pub expires_ms: u64,
}

/// The key by which a device proves who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolledKey {
    /// The key.
    pub key: DeviceKey,
    /// The time at which the device enrolled it.
    pub enrolled: WallTime,
}

/// The answer to `key.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyList {
    /// The device's keys: one, or none.
    pub keys: Vec<EnrolledKey>,
}

/// The answer to `join`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinReply {
    /// Grows with every join at this hub, as long as its clock does not go back over a restart.
    pub generation: Generation,
    /// Since when the device is active: sessions that share its presence are told the same.
    pub since: WallTime,
    /// The address from which the hub sees this session.
    pub address: IpAddr,
    /// The time by the hub's own clock. A hub of an earlier version does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<HubTime>,
    /// The number of other sessions of the device that share its presence.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub others: u32,
    /// The addresses of sessions of somebody else that this join has ended, a few of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub took_over: Vec<IpAddr>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The answer to `ping`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {
    /// The time by the hub's own clock. A hub of an earlier version does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<HubTime>,
}

/// The answer to a call that has nothing to tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

/// The committed upload; the same for every retry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The file.
    pub file: DataFile,
    /// The upload's mode.
    pub mode: UploadMode,
    /// Samples in this upload.
    pub samples: u64,
    /// Bytes of this upload.
    pub bytes: u64,
    /// The file's version that this upload made.
    pub version: Version,
    /// The time of the commit.
    pub at: WallTime,
}

/// The answer to `upload.open`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OpenUploadReply {
    /// An upload of this key was committed before; there is nothing to send.
    Committed {
        /// The receipt of the commit.
        receipt: Receipt,
    },
    /// The hub waits for chunks.
    Ready {
        /// Names the upload within the session.
        upload: UploadNumber,
        /// The number of bytes of an interrupted upload with this key that the hub has: resume from
        /// here.
        offset: u64,
        /// The hash of the bytes that the hub holds, by the session's algorithm. Where it is not that of the device's
        /// own first bytes, abort and begin with another key.
        hash: ContentHash,
    },
}

/// The answer to `file.compute`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComputeReply {
    /// The file.
    pub file: DataFile,
    /// The computed operation.
    pub operation: Operation,
    /// The result, exact, as a string.
    pub result: Decimal,
    /// On how many samples.
    pub samples: u64,
}

/// The answer to `file.delete`, the same for every retry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteReply {
    /// The file.
    pub file: DataFile,
    /// The number of samples.
    pub samples: u64,
}

/// One of the device's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// The file.
    pub file: DataFile,
    /// Its samples.
    pub samples: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Of how many uploads it is made.
    pub segments: u64,
    /// Grows with every change.
    pub version: Version,
    /// The time of its last change.
    pub changed: WallTime,
}

/// The answer to `file.list`: one page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileList {
    /// The files, by id.
    pub files: Vec<FileEntry>,
    /// The start of the next page (`after`); absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<DataFile>,
}

/// The answer to `download.open`; chunks and `download.end` follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenDownloadReply {
    /// Names the download within the session.
    pub download: DownloadNumber,
    /// The number of bytes to come.
    pub bytes: u64,
    /// The number of samples in the file.
    pub samples: u64,
    /// The file's version.
    pub version: Version,
}

/// An active device, as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveDevice {
    /// Its name.
    pub name: DeviceName,
    /// The address from which the hub sees it.
    pub address: IpAddr,
    /// The UDP port on which it accepts peers.
    pub udp_port: u16,
    /// Since when it is active.
    pub since: WallTime,
}

impl fmt::Display for ActiveDevice {
    /// In the words of AED.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ActiveDevice {
            name,
            address,
            udp_port,
            since,
        } = self;
        let (address, since) = (address.to_canonical(), since.local());
        write!(f, "{name}; {address}; {udp_port}; active since {since}.")
    }
}

/// The answer to `device.list`: one page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceList {
    /// The other active devices, in the order they joined.
    pub devices: Vec<ActiveDevice>,
    /// The start of the next page (`after`); absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// The answer to `transfer.open`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTransferReply {
    /// The hub's signed permission.
    pub grant: SignedGrant,
    /// Addresses at which the receiver may be reached.
    pub addresses: Vec<SocketAddr>,
}

/// The result of any call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// To `hello`.
    Hello(HelloReply),
    /// To `login` and `ticket.redeem`.
    Login(LoginReply),
    /// To `login.nonce`.
    LoginNonce(LoginNonceReply),
    /// To `join`.
    Join(JoinReply),
    /// To `ping`.
    Pong(Pong),
    /// To `leave`, `upload.abort`, `download.cancel`, `key.enrol`, `key.revoke`,
    /// `key.replace` and `transfer.announce`.
    Done(Done),
    /// To `upload.open`.
    OpenUpload(OpenUploadReply),
    /// To `upload.commit`.
    Committed(Receipt),
    /// To `file.compute`.
    Compute(ComputeReply),
    /// To `file.delete`.
    Delete(DeleteReply),
    /// To `file.list`.
    Files(FileList),
    /// To `download.open`.
    OpenDownload(OpenDownloadReply),
    /// To `device.list`.
    Devices(DeviceList),
    /// To `key.list`.
    Keys(KeyList),
    /// To `transfer.open`.
    Transfer(Box<OpenTransferReply>),
}
