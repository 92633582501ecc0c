//! The effects that the hub wants.

use std::net::SocketAddr;

use fleetlink_proto::control::{
    DownloadNumber, EndReason, Reply, RequestId, RpcError, UploadNumber,
};
use fleetlink_proto::transfer::GrantedParty;
use fleetlink_proto::{DataFile, DeviceName, HubPin, HubTime, Password};

use crate::caller::Caller;
use crate::console::ConsoleEvent;
use crate::ids::{AdminId, CallId, CheckId, OperationId, SessionId};
use crate::operator::errors::AdminError;
use crate::operator::requests::AdminReply;
use crate::store::calls::{PasswordHash, StagedId, StoreCall, UploadChange};
use crate::store::snapshot::Snapshot;
use crate::transfers::status::TransferStatus;

/// One thing for the driver to do, in the order in which they are polled.
#[derive(Debug)]
pub enum Effect {
    /// Answer a call.
    Reply {
        session: SessionId,
        id: RequestId,
        result: Result<Reply, RpcError>,
    },
    /// Tell a device why its session ends, and close it. No input of it is expected any more.
    End {
        session: SessionId,
        reason: EndReason,
        /// The same for people.
        message: String,
    },
    /// Close a session once its answers are written: it said goodbye.
    Close { session: SessionId },
    /// Have the line of a credentials file that is about this name imported, if one waits, and
    /// answer [`Input::LoginSettled`](crate::Input::LoginSettled). For a name that is nobody's do
    /// work that takes as long.
    SettleLogin {
        check: CheckId,
        /// The name, as it was sent.
        name: Box<str>,
    },
    /// Check a password; without a hash, do the same work against one that nobody has.
    CheckPassword {
        check: CheckId,
        /// The typed password.
        password: Password,
        /// The hash to check it against.
        hash: Option<PasswordHash>,
        /// Whether the same password is shown with each call, because there is no session.
        is_repeated: bool,
    },
    /// Do a store operation.
    Store {
        operation: OperationId,
        call: StoreCall,
    },
    /// Forget staged bytes that no commit will take.
    Discard { staged: StagedId },
    /// Begin an upload: stage what comes and answer `upload.open`.
    StartUpload {
        session: SessionId,
        /// The caller's id of `upload.open`.
        id: RequestId,
        /// The number for the answer, unique within the session.
        upload: UploadNumber,
        change: UploadChange,
    },
    /// Begin an upload without a session: answer the call with it, and tell its end by
    /// [`Input::StatelessUploadStaged`](crate::Input::StatelessUploadStaged) or
    /// [`Input::StatelessUploadEnded`](crate::Input::StatelessUploadEnded).
    StartStatelessUpload { call: CallId, change: UploadChange },
    /// Begin a download: answer `download.open` and send the segments.
    StartDownload {
        session: SessionId,
        /// The caller's id of `download.open`.
        id: RequestId,
        /// The number for the answer, unique within the session.
        download: DownloadNumber,
        /// The snapshot to send.
        snapshot: Snapshot,
    },
    /// Sign a grant, tell the core by [`Input::Granted`](crate::Input::Granted), and answer `transfer.open`
    /// with it.
    Grant {
        session: SessionId,
        /// The caller's id of `transfer.open`.
        id: RequestId,
        from: Box<GrantedParty>,
        to: Box<GrantedParty>,
        /// By which keys the two know the hub.
        known_by: [HubPin; 2],
        expires: HubTime,
        /// Addresses at which the receiver may be reached.
        addresses: Vec<SocketAddr>,
    },
    /// Ask the store for the uploads that are not finished, and answer the operator with them.
    ListUploads { admin: AdminId },
    /// Ask the store for a page of data files, and answer the operator with it.
    ListData {
        admin: AdminId,
        /// Of this device; of all devices where it is not given.
        device: Option<DeviceName>,
        /// Only those that follow this one.
        after: Option<(DeviceName, DataFile)>,
    },
    /// Reply to a call without a session.
    ReplyStateless {
        call: CallId,
        result: Result<Reply, RpcError>,
    },
    /// Reply to a password that was shown without a session: the device whose it is.
    Identified {
        call: CallId,
        result: Result<Caller, RpcError>,
    },
    /// Reply to an operator or administrator.
    ReplyToOperator {
        admin: AdminId,
        /// The answer.
        result: Result<AdminReply, AdminError>,
    },
    /// The list of active devices is another one: `edge-device-log.txt` follows it.
    ActiveChanged,
    /// The store's journal has grown: `upload-log.txt` and `deletion-log.txt` follow it.
    JournalGrew,
    /// Tell people how a transfer is doing.
    Transfer(Box<TransferStatus>),
    /// Show the operator what happened.
    Console(ConsoleEvent),
}
