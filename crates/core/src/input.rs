//! What happens to the hub.

use std::net::SocketAddr;

use fleetlink_proto::LoginNonce;
use fleetlink_proto::control::{Request, RequestId};

use crate::access::possession::Possession;
use crate::caller::{Caller, Door};
use crate::ids::{AdminId, CallId, CheckId, OperationId, SessionId};
use crate::operator::requests::AdminRequest;
use crate::store::calls::{Staged, StoreError, StoreReply};

/// One thing that happened.
#[derive(Debug)]
pub enum Input {
    /// A device connected.
    Connected {
        /// The new session.
        session: SessionId,
        /// From where.
        peer: SocketAddr,
    },
    /// Bytes came from a device; the driver says so now and then, not for each.
    Alive {
        /// From which session.
        session: SessionId,
    },
    /// A device asks for something. `login.nonce` comes as [`Input::NonceAsked`],
    /// `upload.commit` as [`Input::UploadStaged`],
    /// `upload.abort` and `download.cancel` as the ends below: the session answers those itself.
    Call {
        /// Which session.
        session: SessionId,
        /// The caller's id.
        id: RequestId,
        /// What is asked.
        request: Request,
        /// What came of the signature that it carries.
        possession: Possession,
    },
    /// A device asks for a nonce to log in with: `login.nonce`.
    NonceAsked {
        /// Which session.
        session: SessionId,
        /// The caller's id.
        id: RequestId,
        /// The random bits; none where the connection has no TLS.
        nonce: Option<LoginNonce>,
    },
    /// A device's connection is gone.
    Disconnected {
        /// Which session.
        session: SessionId,
    },
    /// A device does not take what the hub answers; its connection is closed.
    Unread {
        /// Which session.
        session: SessionId,
    },
    /// All bytes of an upload are staged and verified, and the device asked for the commit.
    UploadStaged {
        /// Which session.
        session: SessionId,
        /// The caller's id of `upload.commit`.
        id: RequestId,
        /// Which upload.
        upload: u64,
        /// What the store holds.
        staged: Staged,
    },
    /// An upload ended without a commit.
    UploadEnded {
        /// Which session.
        session: SessionId,
        /// Which upload.
        upload: u64,
    },
    /// A download ended, complete or not.
    DownloadEnded {
        /// Which session.
        session: SessionId,
        /// Which download.
        download: u64,
    },
    /// A password was checked.
    PasswordChecked {
        /// Which check.
        check: CheckId,
        /// Whether it was the right one; never for an unknown name.
        matches: bool,
    },
    /// An import of a credentials file begins or is over. While it is under way the core has a
    /// login's name [settled](crate::Effect::SettleLogin) before its password is checked.
    Importing {
        /// Whether lines may wait.
        under_way: bool,
    },
    /// The name of a login waits for no import any more.
    LoginSettled {
        /// Of which check.
        check: CheckId,
    },
    /// The store answered.
    StoreAnswered {
        /// Which operation.
        operation: OperationId,
        /// What came of it.
        result: Result<StoreReply, StoreError>,
    },
    /// A device asks for something without a session. Who calls was found out at the door; it holds
    /// for as long as the account has that password or key.
    StatelessCall {
        /// Which call.
        call: CallId,
        /// By which way it came.
        door: Door,
        /// Who calls.
        caller: Caller,
        /// What is asked.
        request: Request,
    },
    /// An operator or administrator asks for something.
    Admin {
        /// Which call.
        admin: AdminId,
        /// By which way it came.
        door: Door,
        /// Who calls.
        caller: Caller,
        /// What is asked.
        request: AdminRequest,
    },
    /// The hub shall end: sessions are told, nothing new begins.
    Close,
}
