//! The inputs of the hub.

use std::net::SocketAddr;

use fleetlink_proto::access::AccessHash;
use fleetlink_proto::control::{DownloadNumber, Request, RequestId, UploadNumber};
use fleetlink_proto::transfer::TransferId;
use fleetlink_proto::{DeviceName, LoginNonce};

use crate::access::attempts::AttemptLimits;
use crate::access::possession::Possession;
use crate::access::shown_password::{ShownPassword, ShownSecret};
use crate::caller::Caller;
use crate::door::Door;
use crate::ids::{AdminId, CallId, CheckId, OperationId, SessionId};
use crate::operator::requests::AdminRequest;
use crate::store::audit::event::AuditEvent;
use crate::store::calls::{Staged, StoreError, StoreReply};

/// One thing that happened.
#[derive(Debug)]
pub enum Input {
    /// A device connected.
    Connected {
        /// The new session.
        session: SessionId,
        peer: SocketAddr,
    },
    /// Bytes came from a device; the driver says so now and then, not for each.
    Alive { session: SessionId },
    /// A device asks for something. `login.nonce` comes as [`Input::NonceAsked`],
    /// `upload.commit` as [`Input::UploadStaged`],
    /// `upload.abort` and `download.cancel` as the ends below: the session answers those itself.
    Call {
        session: SessionId,
        id: RequestId,
        request: Request,
        /// The result of checking its signature.
        possession: Possession,
    },
    /// A device asks for a nonce to log in with: `login.nonce`.
    NonceAsked {
        session: SessionId,
        id: RequestId,
        /// The random bits; none where the connection has no TLS.
        nonce: Option<LoginNonce>,
    },
    /// A device's connection is gone.
    Disconnected { session: SessionId },
    /// A device does not take what the hub answers; its connection is closed.
    Unread { session: SessionId },
    /// All bytes of an upload are staged and verified, and the device asked for the commit.
    UploadStaged {
        session: SessionId,
        /// The caller's id of `upload.commit`.
        id: RequestId,
        upload: UploadNumber,
        /// The staged upload.
        staged: Box<Staged>,
    },
    /// An upload ended without a commit.
    UploadEnded {
        session: SessionId,
        upload: UploadNumber,
    },
    /// A download ended, complete or not.
    DownloadEnded {
        session: SessionId,
        download: DownloadNumber,
    },
    /// A password was checked.
    PasswordChecked {
        check: CheckId,
        /// Whether it was the right one; never for an unknown name.
        matches: bool,
    },
    /// Another hub has decided an attempt of this name: attempts that wait here may wait no longer.
    AttemptsChanged { name: Box<str> },
    /// An import of a credentials file begins or is over. While it is under way the core has a
    /// login's name [settled](crate::Effect::SettleLogin) before its password is checked.
    Importing {
        /// Whether lines may wait.
        under_way: bool,
    },
    /// The name of a login waits for no import any more.
    LoginSettled { check: CheckId },
    /// The store answered.
    StoreAnswered {
        operation: OperationId,
        /// The result.
        result: Result<StoreReply, StoreError>,
    },
    /// A device asks for something without a session. Who calls was found out at the door; it holds
    /// for as long as the account has that password or key.
    StatelessCall {
        call: CallId,
        door: Door,
        caller: Caller,
        request: Request,
    },
    /// All bytes of an upload without a session are staged and verified: it is to be committed.
    StatelessUploadStaged {
        /// To be answered once it is committed.
        call: CallId,
        door: Door,
        caller: Caller,
        /// The call that began it.
        upload: CallId,
        staged: Box<Staged>,
    },
    /// An upload without a session ended without a commit.
    StatelessUploadEnded {
        /// The call that began it.
        upload: CallId,
    },
    /// Somebody shows a device's password without a session. The reply is
    /// [`Effect::Identified`](crate::Effect::Identified).
    PasswordShown {
        call: CallId,
        door: Door,
        shown: ShownPassword,
    },
    /// A person shows the password of a login of the page. The reply is
    /// [`Effect::Identified`](crate::Effect::Identified), and a session of the page is open then.
    LoginShown {
        call: CallId,
        door: Door,
        shown: ShownPassword,
        /// The hash of the new session's secret.
        session: AccessHash,
    },
    /// Somebody shows a secret of the HTTP door. The reply is
    /// [`Effect::Identified`](crate::Effect::Identified).
    SecretShown {
        call: CallId,
        door: Door,
        shown: ShownSecret,
    },
    /// An operator or administrator asks for something.
    Admin {
        admin: AdminId,
        door: Door,
        caller: Caller,
        request: AdminRequest,
    },
    /// Somebody else may have changed this account in the store: it is read again, and sessions that
    /// rest on what it no longer has end.
    AccountChanged { name: DeviceName },
    /// A grant is [signed](crate::Effect::Grant): the sender may report its transfers under it.
    Granted {
        grant: TransferId,
        from: DeviceName,
        to: DeviceName,
    },
    /// Something happened outside the core that is worth an audit record.
    Happened(Box<AuditEvent>),
    /// Other limits hold for the attempts to log in that follow.
    LimitsChanged(AttemptLimits),
    /// The hub shall end: sessions are told, nothing new begins.
    Close,
}
