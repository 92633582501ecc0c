//! Calls without a session: by HTTP, say. They take turns with the sessions, and each is waited for
//! by whoever made it.

use std::collections::HashMap;
use std::net::IpAddr;

use fleetlink_core::{
    AdminError, AdminReply, AdminRequest, CallId, Caller, Door, Input, Purpose, ShownPassword,
    ShownSecret, Staged, UploadChange,
};
use fleetlink_proto::ClientNetwork;
use fleetlink_proto::access::AccessHash;
use fleetlink_proto::control::{
    ErrorCode, OpenUpload, OpenUploadReply, Receipt, Reply, Request, RpcError,
};
use tokio::sync::{mpsc, oneshot};

use super::turns::Party;
use super::{Driver, DriverHandle, Event};

/// The way into the hub for a door whose calls have no session.
#[derive(Clone)]
pub struct StatelessCalls {
    driver: DriverHandle,
    door: Door,
}

impl StatelessCalls {
    pub(crate) fn by(door: Door, driver: DriverHandle) -> Self {
        StatelessCalls { driver, door }
    }

    /// The driver's events that wait, and how many may.
    pub(crate) fn queue(&self) -> (usize, usize) {
        self.driver.queue()
    }

    /// Finds out which device shows this password. Lock-outs and penalties apply.
    ///
    /// # Errors
    /// The password is not one of this name, or none is checked now. The error is for the device.
    pub async fn identify(&self, shown: ShownPassword) -> Result<Caller, RpcError> {
        let door = self.door;
        self.ask(|reply| StatelessEvent::Shown { door, shown, reply })
            .await
    }

    /// Makes a call. Its caller is believed for as long as the account has that password or key.
    ///
    /// # Errors
    /// The reply is an error, or the hub is closing. The error is for the caller.
    pub async fn call(&self, caller: Caller, request: Request) -> Result<Reply, RpcError> {
        let door = self.door;
        self.ask(|reply| StatelessEvent::Call {
            door,
            caller,
            request: Box::new(request),
            reply,
        })
        .await
    }

    /// Finds out whom a token or a session of the page admits.
    ///
    /// # Errors
    /// It admits nobody, or the hub is busy. The error is for the caller.
    pub async fn admit(&self, address: IpAddr, secret: AccessHash) -> Result<Caller, RpcError> {
        self.show(ShownSecret {
            address,
            secret,
            purpose: Purpose::Admit,
        })
        .await
    }

    /// Opens a session of the page, whose secret has this hash, by a one-time link.
    ///
    /// # Errors
    /// The link is of no use, or the hub is busy.
    pub async fn use_link(
        &self,
        address: IpAddr,
        link: AccessHash,
        session: AccessHash,
    ) -> Result<Caller, RpcError> {
        self.show(ShownSecret {
            address,
            secret: link,
            purpose: Purpose::UseLink { session },
        })
        .await
    }

    /// Ends a session of the page.
    ///
    /// # Errors
    /// The store does not do it.
    pub async fn end_page_session(
        &self,
        address: IpAddr,
        secret: AccessHash,
    ) -> Result<(), RpcError> {
        let shown = ShownSecret {
            address,
            secret,
            purpose: Purpose::EndSession,
        };
        self.show(shown).await.map(|_| ())
    }

    /// Opens a session of the page, whose secret has this hash, by a login's password. Lock-outs and
    /// penalties apply.
    ///
    /// # Errors
    /// The password is not one of this name, or none is checked now.
    pub async fn log_in(
        &self,
        shown: ShownPassword,
        session: AccessHash,
    ) -> Result<Caller, RpcError> {
        let door = self.door;
        self.ask(|reply| StatelessEvent::Login {
            door,
            shown,
            session,
            reply,
        })
        .await
    }

    /// Opens an upload of a device.
    ///
    /// # Errors
    /// It does not begin.
    pub(crate) async fn open_upload(
        &self,
        caller: Caller,
        open: OpenUpload,
    ) -> Result<OpenedUpload, RpcError> {
        let door = self.door;
        self.ask(|reply| StatelessEvent::OpenUpload {
            door,
            caller,
            open,
            reply,
        })
        .await
    }

    /// Makes a request of an administrator or viewer.
    ///
    /// # Errors
    /// It is not permitted, or not done.
    pub async fn administer(
        &self,
        caller: Caller,
        request: AdminRequest,
    ) -> Result<AdminReply, AdminError> {
        self.driver.administer(self.door, caller, request).await
    }

    async fn show(&self, shown: ShownSecret) -> Result<Caller, RpcError> {
        let door = self.door;
        self.ask(|reply| StatelessEvent::Secret { door, shown, reply })
            .await
    }

    /// Has an upload committed that is staged.
    ///
    /// # Errors
    /// It is not committed, or nobody knows.
    pub(crate) async fn commit(
        &self,
        caller: Caller,
        begun: &BegunUpload,
        staged: Staged,
    ) -> Result<Receipt, RpcError> {
        let (door, upload) = (self.door, begun.call);
        let reply = self.ask(|reply| StatelessEvent::Staged {
            door,
            caller,
            upload,
            staged: Box::new(staged),
            reply,
        });
        match reply.await? {
            Reply::Committed(receipt) => Ok(receipt),
            _ => Err(RpcError::new(
                ErrorCode::Internal,
                "the hub gave another reply",
            )),
        }
    }

    async fn ask<T>(
        &self,
        event: impl FnOnce(oneshot::Sender<Result<T, RpcError>>) -> StatelessEvent,
    ) -> Result<T, RpcError> {
        let (sender, reply) = oneshot::channel();
        let closing = || RpcError::new(ErrorCode::Busy, "the hub is closing");
        let event = Event::Stateless(event(sender));
        self.driver.send(event).await.map_err(|_| closing())?;
        reply.await.unwrap_or_else(|_| Err(closing()))
    }
}

/// An event that concerns no session.
pub(crate) enum StatelessEvent {
    Call {
        door: Door,
        caller: Caller,
        request: Box<Request>,
        reply: oneshot::Sender<Result<Reply, RpcError>>,
    },
    Shown {
        door: Door,
        shown: ShownPassword,
        reply: oneshot::Sender<Result<Caller, RpcError>>,
    },
    Login {
        door: Door,
        shown: ShownPassword,
        session: AccessHash,
        reply: oneshot::Sender<Result<Caller, RpcError>>,
    },
    Secret {
        door: Door,
        shown: ShownSecret,
        reply: oneshot::Sender<Result<Caller, RpcError>>,
    },
    OpenUpload {
        door: Door,
        caller: Caller,
        open: OpenUpload,
        reply: oneshot::Sender<Result<OpenedUpload, RpcError>>,
    },
    /// An upload is to be committed.
    Staged {
        door: Door,
        caller: Caller,
        upload: CallId,
        staged: Box<Staged>,
        reply: oneshot::Sender<Result<Reply, RpcError>>,
    },
}

/// The result of opening an upload.
pub(crate) enum OpenedUpload {
    /// It was committed before.
    Committed(Receipt),
    Begun(BegunUpload),
}

/// An upload without a session that has begun. It ends when this is dropped.
pub(crate) struct BegunUpload {
    call: CallId,
    pub(crate) change: UploadChange,
    ends: mpsc::UnboundedSender<CallId>,
}

impl Drop for BegunUpload {
    fn drop(&mut self) {
        // Without a driver there is nobody left who counts.
        let _ = self.ends.send(self.call);
    }
}

/// The waiters for replies to calls without a session. The turns and the core limit their number.
#[derive(Default)]
pub(super) struct Waiters {
    last: u64,
    replies: HashMap<CallId, oneshot::Sender<Result<Reply, RpcError>>>,
    uploads: HashMap<CallId, oneshot::Sender<Result<OpenedUpload, RpcError>>>,
    identities: HashMap<CallId, oneshot::Sender<Result<Caller, RpcError>>>,
}

impl Waiters {
    fn next(&mut self) -> CallId {
        self.last += 1;
        CallId(self.last)
    }

    pub(super) fn reply(&mut self, call: CallId, result: Result<Reply, RpcError>) {
        let Some(waiter) = self.uploads.remove(&call) else {
            return tell(self.replies.remove(&call), result);
        };
        let opened = result.and_then(|reply| match reply {
            Reply::OpenUpload(OpenUploadReply::Committed { receipt }) => {
                Ok(OpenedUpload::Committed(receipt))
            }
            _ => Err(RpcError::new(
                ErrorCode::Internal,
                "the hub gave another reply",
            )),
        });
        tell(Some(waiter), opened);
    }

    pub(super) fn identify(&mut self, call: CallId, result: Result<Caller, RpcError>) {
        tell(self.identities.remove(&call), result);
    }
}

/// Sends the result to the waiter, who may have gone meanwhile.
pub(super) fn tell<T>(waiter: Option<oneshot::Sender<T>>, result: T) {
    if let Some(waiter) = waiter {
        let _ = waiter.send(result);
    }
}

impl Driver {
    pub(super) fn handle_stateless(&mut self, event: StatelessEvent) {
        let call = self.waiters.next();
        match event {
            StatelessEvent::Call {
                door,
                caller,
                request,
                reply,
            } => {
                let party = caller.device().cloned().map(Party::Device);
                if let Some(reply) = self.admit(party.as_ref(), reply) {
                    self.waiters.replies.insert(call, reply);
                    let request = *request;
                    let input = Input::StatelessCall {
                        call,
                        door,
                        caller,
                        request,
                    };
                    self.give(party, input);
                }
            }
            StatelessEvent::OpenUpload {
                door,
                caller,
                open,
                reply,
            } => {
                let party = caller.device().cloned().map(Party::Device);
                if let Some(reply) = self.admit(party.as_ref(), reply) {
                    self.waiters.uploads.insert(call, reply);
                    let request = Request::OpenUpload(open);
                    let input = Input::StatelessCall {
                        call,
                        door,
                        caller,
                        request,
                    };
                    self.give(party, input);
                }
            }
            // It holds a slot, so that there are few.
            StatelessEvent::Staged {
                door,
                caller,
                upload,
                staged,
                reply,
            } => {
                self.waiters.replies.insert(call, reply);
                self.input(Input::StatelessUploadStaged {
                    call,
                    door,
                    caller,
                    upload,
                    staged,
                });
            }
            StatelessEvent::Shown { door, shown, reply } => {
                let party = Some(Party::Stranger(ClientNetwork::of(shown.address)));
                if let Some(reply) = self.admit(party.as_ref(), reply) {
                    self.waiters.identities.insert(call, reply);
                    self.give(party, Input::PasswordShown { call, door, shown });
                }
            }
            StatelessEvent::Login {
                door,
                shown,
                session,
                reply,
            } => {
                let party = Some(Party::Stranger(ClientNetwork::of(shown.address)));
                if let Some(reply) = self.admit(party.as_ref(), reply) {
                    self.waiters.identities.insert(call, reply);
                    let input = Input::LoginShown {
                        call,
                        door,
                        shown,
                        session,
                    };
                    self.give(party, input);
                }
            }
            StatelessEvent::Secret { door, shown, reply } => {
                let party = Some(Party::Stranger(ClientNetwork::of(shown.address)));
                if let Some(reply) = self.admit(party.as_ref(), reply) {
                    self.waiters.identities.insert(call, reply);
                    self.give(party, Input::SecretShown { call, door, shown });
                }
            }
        }
    }

    /// Tells the waiter that its upload has begun. If it has gone meanwhile, the upload ends.
    pub(super) fn begin_upload(&mut self, call: CallId, change: UploadChange) {
        let begun = BegunUpload {
            call,
            change,
            ends: self.upload_ends.0.clone(),
        };
        let waiter = self.waiters.uploads.remove(&call);
        tell(waiter, Ok(OpenedUpload::Begun(begun)));
    }

    /// Refuses a call of a party of which too many wait for their turn.
    pub(super) fn admit<T, E: From<RpcError>>(
        &self,
        party: Option<&Party>,
        reply: oneshot::Sender<Result<T, E>>,
    ) -> Option<oneshot::Sender<Result<T, E>>> {
        if party.is_none_or(|party| self.turns.has_room(party)) {
            return Some(reply);
        }
        let error = "too many calls wait for their turn; try again later";
        tell(
            Some(reply),
            Err(RpcError::new(ErrorCode::Busy, error).into()),
        );
        None
    }

    /// Gives an input to the core. An input of a device waits for its turn; nobody else has many
    /// calls.
    pub(super) fn give(&mut self, party: Option<Party>, input: Input) {
        match party {
            Some(party) => self.turns.push_stateless(party, input),
            None => self.input(input),
        }
    }
}
