//! A device, or somebody who guesses passwords: what it wants and how far it is.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetlink_core::SessionId;
use fleetlink_proto::control::{DeleteFile, RequestId};
use fleetlink_proto::control::{ErrorCode, OpenUpload, Reply, RpcError};
use fleetlink_proto::{DeviceKey, DeviceName, Generation, IdempotencyKey, LoginNonce};

pub(crate) struct Client {
    pub(crate) name: String,
    /// The key that it has made for itself.
    pub(crate) key: DeviceKey,
    pub(crate) guesses: bool,
    /// Whether it is there to take files.
    pub(crate) receives: bool,
    /// The name under which it was last logged in: a ticket can be for another than its own.
    pub(crate) logged_in_as: Option<DeviceName>,
    /// Its last join under that name, where it comes back by itself.
    pub(crate) joined: Option<Generation>,
    pub(crate) connection: Option<Connection>,
    /// A change whose outcome it does not know yet; it asks again with the same key.
    pub(crate) change: Option<Change>,
}

pub(crate) struct Connection {
    pub(crate) session: SessionId,
    pub(crate) stage: Stage,
    pub(crate) last_id: i64,
    /// The time at which its last message reaches the hub: messages of a connection stay in order.
    pub(crate) last_arrival: Duration,
    pub(crate) waiting: BTreeMap<i64, Wants>,
    /// The last nonce that it asked for.
    pub(crate) nonce: Option<LoginNonce>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Connected,
    Greeted,
    LoggedIn,
    Joined,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    Login,
    /// The outcome of the change of this key.
    Change(IdempotencyKey),
    /// A report to the hub of how a transfer is doing.
    Report,
    Other,
}

#[derive(Debug, Clone)]
pub(crate) enum Change {
    Upload { open: OpenUpload, samples: Vec<i64> },
    Delete(DeleteFile),
}

impl Connection {
    pub(crate) fn new(session: SessionId) -> Self {
        Connection {
            session,
            stage: Stage::Connected,
            last_id: 0,
            last_arrival: Duration::ZERO,
            waiting: BTreeMap::new(),
            nonce: None,
        }
    }

    pub(crate) fn call(&mut self, wants: Wants) -> RequestId {
        self.last_id += 1;
        self.waiting.insert(self.last_id, wants);
        RequestId::Number(self.last_id)
    }

    pub(crate) fn waits_for_login(&self) -> bool {
        self.waiting.values().any(|wants| *wants == Wants::Login)
    }

    pub(crate) fn waits_for_change(&self) -> bool {
        let is_change = |wants: &Wants| matches!(wants, Wants::Change(_));
        self.waiting.values().any(is_change)
    }
}

impl Change {
    pub(crate) fn key(&self) -> IdempotencyKey {
        match self {
            Change::Upload { open, .. } => open.key,
            Change::Delete(delete) => delete.key,
        }
    }
}

impl Client {
    /// An answer arrives; the change that it acknowledges.
    pub(crate) fn receive(
        &mut self,
        id: &RequestId,
        result: &Result<Reply, RpcError>,
    ) -> Option<Change> {
        let connection = self.connection.as_mut()?;
        let RequestId::Number(id) = id else {
            return None;
        };
        let wants = connection.waiting.remove(id)?;
        match result {
            Ok(Reply::Hello(_)) => connection.stage = Stage::Greeted,
            Ok(Reply::Login(login)) => {
                connection.stage = Stage::LoggedIn;
                if self.logged_in_as.as_ref() != Some(&login.name) {
                    self.joined = None;
                }
                self.logged_in_as = Some(login.name.clone());
            }
            Ok(Reply::Join(join)) => {
                connection.stage = Stage::Joined;
                self.joined = Some(join.generation);
            }
            // A person will have to join again.
            Err(error) if error.code == ErrorCode::Replaced => self.joined = None,
            _ => {}
        }
        // What it gave up long ago is no longer its concern.
        let Wants::Change(key) = wants else {
            return None;
        };
        let change = self.change.take_if(|change| change.key() == key)?;
        let error = result.as_ref().err().map(|error| error.code);
        match error {
            None => Some(change),
            Some(ErrorCode::Conflict | ErrorCode::NoSuchFile) => None,
            Some(_) => {
                self.change = Some(change);
                None
            }
        }
    }
}
