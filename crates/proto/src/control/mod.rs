//! The control protocol between a device and its hub: JSON-RPC 2.0, one message a line, with the
//! bytes of uploads and downloads between the lines. docs/protocol/control.md describes it.

mod encode;
mod error;
mod framer;
mod from_device;
mod from_hub;
mod hello;
pub mod limits;
mod login;
mod notification;
mod number;
mod reply;
mod request;
mod request_id;

pub use encode::{encode_error, encode_notification, encode_reply, encode_request};
pub use error::{ErrorCode, ErrorDetail, RpcError};
pub use framer::{Frame, Framer};
pub use from_device::{FromDevice, HubDecoder};
pub use from_hub::{DeviceDecoder, FromHub};
pub use hello::{Feature, Hello, HelloReply, SessionLimits};
pub use login::{Login, LoginProof};
pub use notification::{DeviceNotification, EndReason, HubNotification};
pub use number::{DownloadNumber, UploadNumber};
pub use reply::{
    ActiveDevice, ComputeReply, DeleteReply, DeviceList, Done, EnrolledKey, FileEntry, FileList,
    JoinReply, KeyList, LoginNonceReply, LoginReply, OpenDownloadReply, OpenTransferReply,
    OpenUploadReply, Pong, Receipt, Reply,
};
pub use request::{
    AbortUpload, AnnounceEndpoint, CancelDownload, CommitUpload, Compute, DeleteFile, EnrolKey,
    Join, ListDevices, ListFiles, OpenDownload, OpenTransfer, OpenUpload, RedeemTicket, ReplaceKey,
    Request, UploadMode,
};
pub use request_id::RequestId;
