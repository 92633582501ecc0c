//! The calls of a device.

use serde::{Deserialize, Serialize};

use super::hello::Hello;
use super::login::Login;
use super::number::{DownloadNumber, UploadNumber};
use crate::samples::Operation;
use crate::ticket::TicketSecret;
use crate::transfer::{Addresses, ReportTransfer, SignedCertificate};
use crate::{ContentHash, DataFile, DeviceKey, DeviceName, Generation, IdempotencyKey, Signature};

/// `join`: announces the device's presence under its name. Sessions that have shown the same key
/// share the presence; any other session of the name is ended by this one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The UDP port on which the device accepts peers.
    pub udp_port: u16,
    /// The generation of this session's join before, where it returns by itself: refused where
    /// somebody else joined under the name since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejoin: Option<Generation>,
    /// Taking files is what this session is for: of the device's sessions it comes first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub receives: bool,
    /// Refused where it would end sessions of somebody else under the name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_if_free: bool,
}

/// The effect of an upload on the file's earlier content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UploadMode {
    /// The upload becomes the whole file.
    Replace,
    /// The upload is added at the end.
    Append,
}

/// `upload.open`: begins an upload, or resumes the one of the same key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenUpload {
    /// The file.
    pub file: DataFile,
    /// The effect on the file's earlier content.
    pub mode: UploadMode,
    /// Names this upload across retries.
    pub key: IdempotencyKey,
    /// The number of the upload, where the device chooses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<UploadNumber>,
}

/// `upload.commit`: all chunks are sent; the upload becomes visible and durable, or fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitUpload {
    /// The upload, as `upload.open` named it.
    pub upload: UploadNumber,
    /// The size of the whole upload in bytes, resumed ones included.
    pub bytes: u64,
    /// The hash of those bytes, by the session's algorithm. Without it the hub checks their number alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<ContentHash>,
}

/// `upload.abort`: gives the upload up; nothing of it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbortUpload {
    /// The upload, as `upload.open` named it.
    pub upload: UploadNumber,
}

/// `file.compute`: computes on one of the device's own files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compute {
    /// The file.
    pub file: DataFile,
    /// The operation.
    pub operation: Operation,
}

/// `file.delete`: removes one of the device's own files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteFile {
    /// The file.
    pub file: DataFile,
    /// Names this deletion across retries.
    pub key: IdempotencyKey,
}

/// `file.list`: the device's own files, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListFiles {
    /// List files with larger ids only: the last of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<DataFile>,
    /// No person asked, as where a shell completes a name: the hub's output does not show it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub background: bool,
}

/// `download.open`: asks for the content of one of the device's own files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenDownload {
    /// The file.
    pub file: DataFile,
    /// The number of the download, where the device chooses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<DownloadNumber>,
}

/// `download.cancel`: ends a download early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelDownload {
    /// The download, as `download.open` named it.
    pub download: DownloadNumber,
}

/// `device.list`: the other active devices, in the order they joined.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListDevices {
    /// List devices of later generations only: `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// No person asked, as where a shell completes a name: the hub's output does not show it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub background: bool,
}

/// `key.enrol`: makes a key the device's own, where it has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolKey {
    /// The device: the one that is logged in.
    pub name: DeviceName,
    /// The key.
    pub key: DeviceKey,
    /// By the key, over [`crate::signed::Channel::enrolment`].
    pub signature: Signature,
}

/// `key.replace`: makes a key the device's own, instead of the one that it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaceKey {
    /// The device: the one that is logged in.
    pub name: DeviceName,
    /// The key.
    pub key: DeviceKey,
    /// By the key, over [`crate::signed::Channel::enrolment`].
    pub signature: Signature,
}

/// `ticket.redeem`: makes the account that a ticket is for, and a key its device's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeemTicket {
    /// The proof that the device was given the ticket.
    pub ticket: TicketSecret,
    /// The device's name. Without it the ticket's own, or one that the hub chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DeviceName>,
    /// The device's key.
    pub key: DeviceKey,
    /// By the key, over [`crate::signed::Channel::redemption`].
    pub signature: Signature,
}

/// `transfer.announce`: says by which endpoint this device is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnounceEndpoint {
    /// The device's word for the endpoint.
    #[serde(flatten)]
    pub certificate: Box<SignedCertificate>,
    /// Its addresses, beside the one from which the hub sees the device.
    #[serde(default, skip_serializing_if = "Addresses::is_empty")]
    pub addresses: Addresses,
}

/// `transfer.open`: asks for the hub's leave to send files to another device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTransfer {
    /// The receiver.
    pub to: DeviceName,
    /// The endpoint that sends, where it is another than the announced one: a process that has not
    /// joined has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Box<SignedCertificate>>,
}

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident $(($params:ident))? = $method:literal;)*) => {
        /// One call of a device.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Request {
            $($(#[$doc])* $name $(($params))?,)*
        }

        impl Request {
            /// Every method name.
            pub const METHODS: &[&str] = &[$($method),*];

            /// The method's name on the wire.
            pub fn method(&self) -> &'static str {
                match self {
                    $(requests!(@pattern $name $(, $params)?) => $method,)*
                }
            }

            /// The call of this method with these parameters; `None` where there is no such method.
            pub(super) fn parse(method: &str, params: &str) -> Option<serde_json::Result<Self>> {
                match method {
                    $($method => Some(requests!(@parse params, $name $(, $params)?)),)*
                    _ => None,
                }
            }
        }

        impl Serialize for Request {
            /// The parameters alone.
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(requests!(@bind params, $name $(, $params)?) =>
                        requests!(@serialize params, serializer $(, $params)?),)*
                }
            }
        }
    };
    (@pattern $name:ident) => { Request::$name };
    (@pattern $name:ident, $params:ident) => { Request::$name(_) };
    (@bind $bound:ident, $name:ident) => { Request::$name };
    (@bind $bound:ident, $name:ident, $params:ident) => { Request::$name($bound) };
    (@parse $text:ident, $name:ident) => {
        serde_json::from_str::<NoParams>($text).map(|_| Request::$name)
    };
    (@parse $text:ident, $name:ident, $params:ident) => {
        serde_json::from_str::<$params>($text).map(Request::$name)
    };
    (@serialize $bound:ident, $serializer:ident) => { NoParams {}.serialize($serializer) };
    (@serialize $bound:ident, $serializer:ident, $params:ident) => {
        $bound.serialize($serializer)
    };
}

requests! {
    /// Agrees on a version.
    Hello(Hello) = "hello";
    /// Asks for a nonce to log in with, where the device's TLS library has no exporter.
    LoginNonce = "login.nonce";
    /// Proves who the device is.
    Login(Login) = "login";
    /// Announces the device's presence.
    Join(Join) = "join";
    /// Shows life.
    Ping = "ping";
    /// Says goodbye; the hub answers and closes.
    Leave = "leave";
    /// Begins or resumes an upload.
    OpenUpload(OpenUpload) = "upload.open";
    /// Makes an upload visible and durable.
    CommitUpload(CommitUpload) = "upload.commit";
    /// Gives an upload up.
    AbortUpload(AbortUpload) = "upload.abort";
    /// Computes on a file.
    Compute(Compute) = "file.compute";
    /// Removes a file.
    DeleteFile(DeleteFile) = "file.delete";
    /// Lists the device's files.
    ListFiles(ListFiles) = "file.list";
    /// Asks for a file's content.
    OpenDownload(OpenDownload) = "download.open";
    /// Ends a download early.
    CancelDownload(CancelDownload) = "download.cancel";
    /// Lists the other active devices.
    ListDevices(ListDevices) = "device.list";
    /// Makes a key the device's own.
    EnrolKey(EnrolKey) = "key.enrol";
    /// Lists the device's keys.
    ListKeys = "key.list";
    /// Takes the device's key away.
    RevokeKey = "key.revoke";
    /// Makes another key the device's own.
    ReplaceKey(ReplaceKey) = "key.replace";
    /// Logs in by a ticket.
    RedeemTicket(RedeemTicket) = "ticket.redeem";
    /// Says by which endpoint this device is reached, after every join.
    AnnounceEndpoint(AnnounceEndpoint) = "transfer.announce";
    /// Asks for leave to send files to another device.
    OpenTransfer(OpenTransfer) = "transfer.open";
    /// Tells how a file is doing that this device sends.
    ReportTransfer(ReportTransfer) = "transfer.report";
}

/// Parameters of a method that takes none: an empty object.
#[derive(Serialize, Deserialize)]
struct NoParams {}
