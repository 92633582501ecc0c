//! Inputs on their way: a call is matched once, decided by the table, and given to its subject.

use fleetlink_proto::control::{DeleteFile, EnrolKey, Pong, ReplaceKey, Reply, Request, RequestId};
use fleetlink_proto::{DeviceName, LoginNonce};

use crate::access::authorisation::{Action, Decision, decide};
use crate::access::errors::not_permitted;
use crate::access::possession::Possession;
use crate::call::Call;
use crate::caller::{Caller, Door, Proof};
use crate::console::Departure;
use crate::errors;
use crate::files::command::FileCommand;
use crate::hub::Hub;
use crate::ids::{CallId, SessionId};
use crate::input::Input;
use crate::outgoing::ReplyTo;
use crate::session::state::Stage;
use crate::store::journal::Deleter;
use crate::time::Now;

impl Hub {
    /// Something happened. What comes of a session that has ended, or of an operation that is
    /// answered, changes nothing.
    pub fn handle_input(&mut self, input: Input, now: Now) {
        self.out.sessions.set_time(now.monotonic);
        match input {
            Input::Connected { session, peer } => self.connected(session, peer.ip()),
            Input::Alive { session } => self.out.sessions.heard(session),
            Input::Call {
                session,
                id,
                request,
                possession,
            } => self.session_call(session, id, request, possession, now),
            Input::StatelessCall {
                call,
                door,
                caller,
                request,
            } => self.stateless_call((call, door), caller, request, now),
            Input::NonceAsked { session, id, nonce } => self.nonce_asked(session, id, nonce, now),
            Input::Disconnected { session } => {
                self.forget(session, Departure::ConnectionClosed);
            }
            Input::Unread { session } => self.forget(session, Departure::Unread),
            Input::UploadStaged {
                session,
                id,
                upload,
                staged,
            } => self.upload_staged((session, id), upload, staged, now),
            Input::UploadEnded { session, upload } => {
                self.slots.end_upload(session, upload);
            }
            Input::DownloadEnded { session, download } => {
                self.slots.end_download(session, download);
            }
            Input::PasswordChecked { check, matches } => self.password_checked(check, matches, now),
            Input::Importing { under_way } => self.importing = under_way,
            Input::LoginSettled { check } => self.login_settled(check),
            Input::StoreAnswered { operation, result } => {
                self.store_answered(operation, result, now);
            }
            Input::Admin {
                admin,
                door,
                caller,
                request,
            } => self.admin_call((admin, door), caller, request, now),
            Input::Close => self.close(),
        }
    }

    fn session_call(
        &mut self,
        session: SessionId,
        id: RequestId,
        request: Request,
        possession: Possession,
        now: Now,
    ) {
        let is_hello = matches!(request, Request::Hello(_));
        if let Some(call) = self.open_call(session, id, request.method(), is_hello) {
            self.route(call, request, possession, now);
        }
    }

    /// A session asks for a nonce to log in with; it has drawn this one.
    pub(super) fn nonce_asked(
        &mut self,
        session: SessionId,
        id: RequestId,
        nonce: Option<LoginNonce>,
        now: Now,
    ) {
        let method = Request::LoginNonce.method();
        if let Some(call) = self.open_call(session, id, method, false) {
            self.permit(call, Action::Converse, |hub, call| {
                hub.issue_nonce(call, nonce, now);
            });
        }
    }

    /// Opens a call of a session that is there. The first one is `hello`.
    fn open_call(
        &mut self,
        session: SessionId,
        id: RequestId,
        method: &'static str,
        is_hello: bool,
    ) -> Option<Call> {
        if !self.out.sessions.called(session) {
            return None;
        }
        let to = ReplyTo::Session(session, id);
        let call = self.calls.open(to, self.caller(session), method);
        let is_new = |stage: &Stage| matches!(stage, Stage::Connected);
        if self.out.sessions.is_at(session, is_new) && !is_hello {
            let error = errors::out_of_order("the first call is hello");
            call.refuse(error, &mut self.out);
            return None;
        }
        Some(call)
    }

    fn stateless_call(
        &mut self,
        (call, door): (CallId, Door),
        caller: Caller,
        request: Request,
        now: Now,
    ) {
        let caller = match self.accounts.is_present(&caller) {
            true => caller,
            false => Caller::Nobody,
        };
        let to = ReplyTo::Stateless(call, door);
        let call = self.calls.open(to, caller, request.method());
        if self.closing {
            return call.refuse(errors::busy("the hub is closing"), &mut self.out);
        }
        self.route(call, request, Possession::NoChannel, now);
    }

    /// Gives a call to its subject, if the table permits it.
    fn route(&mut self, call: Call, request: Request, possession: Possession, now: Now) {
        match request {
            Request::Hello(hello) => {
                self.permit(call, Action::Converse, |hub, call| {
                    hub.hello(call, &hello, possession);
                });
            }
            Request::Ping => self.permit(call, Action::Converse, |hub, call| {
                let clock = Some(hub.clock(now));
                call.ok(Reply::Pong(Pong { clock }), &mut hub.out);
            }),
            Request::Leave => self.permit(call, Action::Converse, Hub::goodbye),
            // The session draws the nonce: a call that comes without has none to issue.
            Request::LoginNonce => self.permit(call, Action::Converse, |hub, call| {
                hub.issue_nonce(call, None, now);
            }),
            Request::Login(login) => self.permit(call, Action::Converse, |hub, call| {
                hub.login(call, login, possession, now);
            }),
            Request::RedeemTicket(redeem) => {
                self.permit(call, Action::RedeemTicket, |hub, call| {
                    hub.redeem(call, redeem, possession, now);
                });
            }
            request => self.route_to_files(call, request, possession, now),
        }
    }

    /// The same for commands on the caller's own data files.
    fn route_to_files(&mut self, call: Call, request: Request, possession: Possession, now: Now) {
        match request {
            Request::OpenUpload(upload) => {
                let command = FileCommand::OpenUpload(upload);
                self.issue_own(call, |own| Action::WriteData(own), command, now);
            }
            Request::OpenDownload(open) => {
                let command = FileCommand::OpenDownload(open);
                self.issue_own(call, |own| Action::ReadData(own), command, now);
            }
            Request::Compute(compute) => {
                let command = FileCommand::Compute(compute);
                self.issue_own(call, |own| Action::ReadData(own), command, now);
            }
            Request::ListFiles(list) => {
                let command = FileCommand::List(list);
                self.issue_own(call, |own| Action::ReadData(own), command, now);
            }
            Request::DeleteFile(DeleteFile { file, key }) => {
                let command = FileCommand::Delete {
                    file,
                    key,
                    by: Deleter::Device,
                    version: None,
                };
                self.issue_own(call, |own| Action::DeleteData(own), command, now);
            }
            request => self.route_to_others(call, request, possession, now),
        }
    }

    /// The same for presence, keys and transfers.
    fn route_to_others(&mut self, call: Call, request: Request, possession: Possession, now: Now) {
        match request {
            Request::Join(join) => {
                self.permit_own(
                    call,
                    |own| Action::Join(own),
                    |hub, call| hub.join(call, &join, now),
                );
            }
            Request::ListDevices(list) => self.permit(call, Action::ListDevices, |hub, call| {
                hub.list_devices(call, &list);
            }),
            Request::EnrolKey(EnrolKey { name, key, .. }) => {
                self.permit(call, Action::ChangeKey(&name), |hub, call| {
                    hub.enrol_key(call, (key, possession), false, now);
                });
            }
            Request::ReplaceKey(ReplaceKey { name, key, .. }) => {
                self.permit(call, Action::ChangeKey(&name), |hub, call| {
                    hub.enrol_key(call, (key, possession), true, now);
                });
            }
            Request::RevokeKey => self.permit_own(
                call,
                |own| Action::ChangeKey(own),
                |hub, call| {
                    hub.revoke_key(call, now);
                },
            ),
            Request::ListKeys => self.permit_own(call, |own| Action::ListKeys(own), Hub::list_keys),
            Request::AnnounceEndpoint(announce) => {
                self.permit_own(
                    call,
                    |own| Action::Transfer(own),
                    |hub, call| {
                        hub.announce_endpoint(call, announce, possession);
                    },
                );
            }
            Request::OpenTransfer(open) => self.permit_own(
                call,
                |own| Action::Transfer(own),
                |hub, call| {
                    hub.open_transfer(call, open, possession, now);
                },
            ),
            // The driver replies to the last three itself, and the others are routed before. Should
            // one come all the same, the caller is not left without a reply.
            Request::Hello(_)
            | Request::LoginNonce
            | Request::Login(_)
            | Request::RedeemTicket(_)
            | Request::Ping
            | Request::Leave
            | Request::Compute(_)
            | Request::ListFiles(_)
            | Request::DeleteFile(_)
            | Request::OpenUpload(_)
            | Request::OpenDownload(_)
            | Request::CommitUpload(_)
            | Request::AbortUpload(_)
            | Request::CancelDownload(_) => self.permit_own(
                call,
                |own| Action::ReadData(own),
                |hub, call| {
                    call.refuse(errors::no_such_transfer(), &mut hub.out);
                },
            ),
        }
    }

    /// Issues a command on the caller's own data files, if the table permits it.
    fn issue_own(
        &mut self,
        call: Call,
        action: impl FnOnce(&DeviceName) -> Action<'_>,
        command: FileCommand,
        now: Now,
    ) {
        self.permit_own(call, action, |hub, call| hub.issue(call, command, now));
    }

    /// Goes on with a command of a device that concerns itself, if the table permits it.
    fn permit_own(
        &mut self,
        call: Call,
        action: impl FnOnce(&DeviceName) -> Action<'_>,
        then: impl FnOnce(&mut Hub, Call),
    ) {
        match call.device().cloned() {
            Some(own) => self.permit(call, action(&own), then),
            // Nothing but a device may act as one.
            None => self.permit(call, Action::ActAsDevice, |hub, call| {
                call.refuse(errors::internal(), &mut hub.out);
            }),
        }
    }

    /// Goes on with a call that the table permits, and refuses another.
    fn permit(&mut self, call: Call, action: Action<'_>, then: impl FnOnce(&mut Hub, Call)) {
        match decide(&call.caller, call.door(), action) {
            Decision::Permitted => then(self, call),
            decision => {
                let error = not_permitted(decision, call.method);
                call.refuse(error, &mut self.out);
            }
        }
    }

    /// Who is at the other end of a session. A session ends with its password; should one be left, it
    /// is nobody's.
    pub(super) fn caller(&self, session: SessionId) -> Caller {
        let session = self.out.sessions.get(session);
        let device = session.and_then(|open| Some((open.name()?, open.proof.as_ref()?)));
        let Some((name, proof)) = device else {
            return Caller::Nobody;
        };
        match proof {
            Proof::Password(_) if !self.accounts.is_proved(name, proof) => Caller::Nobody,
            proof => Caller::Device {
                name: name.clone(),
                proof: proof.clone(),
            },
        }
    }

    /// Who makes a call, by what is so now: it may have waited.
    pub(super) fn caller_now<C>(&self, call: &Call<C>) -> Caller {
        match call.session() {
            Some(session) => self.caller(session),
            None if self.accounts.is_present(&call.caller) => call.caller.clone(),
            None => Caller::Nobody,
        }
    }
}
