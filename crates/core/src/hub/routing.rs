//! Inputs on their way: a call is matched once, decided by the table, and given to its subject.

use fleetlink_proto::control::{EnrolKey, ReplaceKey, Request, RequestId};
use fleetlink_proto::{DeviceName, LoginNonce};

use crate::access::accounts::NotRead;
use crate::access::authorisation::{Action, Decision, decide};
use crate::access::errors::{not_permitted, proof_gone};
use crate::access::key_change::KeyChange;
use crate::access::parked::{Behind, Parked};
use crate::access::possession::Possession;
use crate::call::Call;
use crate::caller::{Caller, Proof};
use crate::console::Departure;
use crate::door::Door;
use crate::errors;
use crate::files::command::FileCommand;
use crate::hub::Hub;
use crate::ids::{CallId, SessionId};
use crate::input::Input;
use crate::outgoing::ReplyTo;
use crate::session::state::Stage;
use crate::time::Now;

/// The time of a call, and what the signature in it shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    pub(super) now: Now,
    pub(super) possession: Possession,
}

/// The handler of a call that the table permits.
pub(super) type Handler<C> = fn(&mut Hub, Call<C>, Context);

impl Hub {
    /// Something happened. What comes of a session that has ended, or of an operation that is
    /// answered, changes nothing.
    pub fn handle_input(&mut self, input: Input, now: Now) {
        self.now = now;
        self.out.sessions.set_time(now.monotonic);
        self.sightings.set_time(now);
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
                self.slots.uploads.end(session, upload);
            }
            Input::DownloadEnded { session, download } => {
                self.slots.downloads.end(session, download);
            }
            Input::PasswordChecked { check, matches } => self.password_checked(check, matches, now),
            Input::AttemptsChanged { name } => self.check_waiting(&name, now),
            Input::Importing { under_way } => self.importing = under_way,
            Input::LoginSettled { check } => self.login_settled(check),
            Input::StoreAnswered { operation, result } => {
                self.store_answered(operation, result, now);
            }
            Input::StatelessUploadStaged {
                call,
                door,
                caller,
                upload,
                staged,
            } => self.stateless_upload_staged((call, door), caller, upload, staged, now),
            Input::StatelessUploadEnded { upload } => {
                self.slots.uploads.end_of(upload);
            }
            Input::PasswordShown { call, door, shown } => self.identify((call, door), shown, now),
            Input::LoginShown {
                call,
                door,
                shown,
                session,
            } => self.login_shown((call, door), shown, session, now),
            Input::SecretShown { call, door, shown } => {
                self.secret_shown((call, door), shown, now);
            }
            Input::Admin {
                admin,
                door,
                caller,
                request,
            } => self.admin_call((admin, door), caller, request, now),
            Input::AccountChanged { name } => self.account_changed(&name),
            Input::Granted { grant, from, to } => self.granted_to(grant, from, to),
            Input::Happened(event) => self.note(*event),
            Input::LimitsChanged(limits) => self.logins.set_limits(limits),
            Input::Close => self.close(now),
        }
        self.write_audit();
    }

    pub(super) fn session_call(
        &mut self,
        session: SessionId,
        id: RequestId,
        request: Request,
        possession: Possession,
        now: Now,
    ) {
        if self.reads.is_parked(session) {
            let method = request.method();
            return self.hold_behind(
                session,
                id.clone(),
                method,
                Behind::Call(id, request, possession),
            );
        }
        let is_hello = matches!(request, Request::Hello(_));
        if let Some(call) = self.open_call(session, id, request.method(), is_hello) {
            self.route(call, request, Context { now, possession });
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
        if self.reads.is_parked(session) {
            return self.hold_behind(session, id.clone(), method, Behind::NonceAsked(id, nonce));
        }
        if let Some(call) = self.open_call(session, id, method, false) {
            let possession = Possession::Unproven;
            let at = Context { now, possession };
            self.converse(call.with(nonce), at, Hub::issue_nonce);
        }
    }

    /// Has something that a session asks for wait until its earlier call goes on.
    fn hold_behind(
        &mut self,
        session: SessionId,
        id: RequestId,
        method: &'static str,
        behind: Behind,
    ) {
        self.out.sessions.heard(session);
        if !self.reads.hold(session, behind)
            && let Some(call) = self.open_call(session, id, method, false)
        {
            call.refuse(errors::too_many_operations(), &mut self.out);
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
        let to = ReplyTo::Stateless(call, door);
        let call = self.calls.open(to, caller, request.method());
        if self.closing {
            return call.refuse(errors::busy(errors::CLOSING), &mut self.out);
        }
        self.ready_stateless(call.with(request), now);
    }

    /// Goes on with a call without a session, once all that shows who calls has been read.
    pub(super) fn ready_stateless(&mut self, call: Call<Request>, now: Now) {
        match call.device().cloned() {
            Some(name) if !self.accounts.is_read(&name) => {
                self.read_account(NotRead(name), Parked::Stateless(call), now);
            }
            _ => match self.admission_to_read(&call.caller, now) {
                Some(query) => self.read_for(query, Parked::Stateless(call), now),
                None => self.go_on_stateless(call, now),
            },
        }
    }

    /// Goes on with a call without a session whose caller's secret has been read.
    pub(super) fn secret_read(&mut self, call: Call<Request>, now: Now) {
        match call.device().cloned() {
            // It had to make room meanwhile.
            Some(name) if !self.accounts.is_read(&name) => {
                self.read_account(NotRead(name), Parked::Stateless(call), now);
            }
            _ => self.go_on_stateless(call, now),
        }
    }

    fn go_on_stateless(&mut self, call: Call<Request>, now: Now) {
        let (request, call) = call.split();
        if !self.is_still_known(&call.caller, now) {
            let error = proof_gone(call.method);
            return call.refuse(error, &mut self.out);
        }
        let possession = Possession::NoChannel;
        self.route(call, request, Context { now, possession });
    }

    /// Gives a call to its subject, if the table permits it.
    fn route(&mut self, call: Call, request: Request, at: Context) {
        match request {
            Request::Hello(hello) => self.converse(call.with(hello), at, Hub::hello),
            Request::Ping => self.converse(call, at, Hub::pong),
            Request::Leave => self.converse(call, at, Hub::goodbye),
            // The session draws the nonce: a call that comes without has none to issue.
            Request::LoginNonce => self.converse(call.with(None), at, Hub::issue_nonce),
            Request::Login(login) => self.converse(call.with(login), at, Hub::login),
            Request::RedeemTicket(redeem) => {
                self.permit(call.with(redeem), Action::RedeemTicket, at, Hub::redeem);
            }
            Request::Join(join) => {
                self.permit_own(call.with(join), |own| Action::Join(own), at, Hub::join);
            }
            Request::ListDevices(list) => {
                self.permit(call.with(list), Action::ListDevices, at, Hub::list_devices);
            }
            Request::OpenUpload(open) => self.write(call.with(FileCommand::OpenUpload(open)), at),
            Request::OpenDownload(open) => {
                self.read(call.with(FileCommand::OpenDownload(open)), at);
            }
            Request::Compute(compute) => self.read(call.with(FileCommand::Compute(compute)), at),
            Request::ListFiles(list) => self.read(call.with(FileCommand::List(list)), at),
            Request::DeleteFile(delete) => self.delete(call.with(FileCommand::of_own(delete)), at),
            Request::EnrolKey(EnrolKey { name, key, .. }) => {
                self.set_key(call.with(KeyChange::enrol(key)), &name, at);
            }
            Request::ReplaceKey(ReplaceKey { name, key, .. }) => {
                self.set_key(call.with(KeyChange::replace(key)), &name, at);
            }
            Request::RevokeKey => {
                self.permit_own(call, |own| Action::ChangeKey(own), at, Hub::revoke_key);
            }
            Request::ListKeys => {
                self.permit_own(call, |own| Action::ListKeys(own), at, Hub::list_keys);
            }
            Request::AnnounceEndpoint(announce) => {
                self.transfer(call.with(announce), at, Hub::announce_endpoint);
            }
            Request::OpenTransfer(open) => self.transfer(call.with(open), at, Hub::open_transfer),
            Request::ReportTransfer(report) => {
                self.transfer(call.with(report), at, Hub::report_transfer);
            }
            // The driver replies to these itself. Should one come all the same, there is a reply.
            Request::CommitUpload(_) | Request::AbortUpload(_) | Request::CancelDownload(_) => {
                self.permit_own(call, |own| Action::ReadData(own), at, Hub::no_such_transfer);
            }
        }
    }

    /// Handles a call of a session.
    fn converse<C>(&mut self, call: Call<C>, at: Context, then: Handler<C>) {
        self.permit(call, Action::Converse, at, then);
    }

    fn read(&mut self, call: Call<FileCommand>, at: Context) {
        self.permit_own(call, |own| Action::ReadData(own), at, Hub::issue);
    }

    fn write(&mut self, call: Call<FileCommand>, at: Context) {
        self.permit_own(call, |own| Action::WriteData(own), at, Hub::issue);
    }

    fn delete(&mut self, call: Call<FileCommand>, at: Context) {
        self.permit_own(call, |own| Action::DeleteData(own), at, Hub::issue);
    }

    fn set_key(&mut self, call: Call<KeyChange>, name: &DeviceName, at: Context) {
        self.permit(call, Action::ChangeKey(name), at, Hub::set_own_key);
    }

    fn transfer<C>(&mut self, call: Call<C>, at: Context, then: Handler<C>) {
        self.permit_own(call, |own| Action::Transfer(own), at, then);
    }

    /// Goes on with a command of a device that concerns itself, if the table permits it.
    fn permit_own<C>(
        &mut self,
        call: Call<C>,
        action: impl FnOnce(&DeviceName) -> Action<'_>,
        at: Context,
        then: Handler<C>,
    ) {
        match call.device().cloned() {
            Some(own) => self.permit(call, action(&own), at, then),
            // Nothing but a device may act as one.
            None => self.permit(call, Action::ActAsDevice, at, |hub, call, _| {
                call.split().1.refuse(errors::internal(), &mut hub.out);
            }),
        }
    }

    /// Goes on with a call that the table permits, and refuses another.
    pub(super) fn permit<C>(
        &mut self,
        call: Call<C>,
        action: Action<'_>,
        at: Context,
        then: Handler<C>,
    ) {
        match decide(&call.caller, call.door(), action) {
            Decision::Permitted => then(self, call, at),
            decision => {
                if call.caller != Caller::Nobody {
                    self.note_forbidden(&call, call.method);
                }
                let error = not_permitted(decision, call.method);
                call.split().1.refuse(error, &mut self.out);
            }
        }
    }

    fn no_such_transfer(&mut self, call: Call, _at: Context) {
        call.refuse(errors::no_such_transfer(), &mut self.out);
    }

    /// The caller at the other end of a session. A session ends with its password; if one were
    /// left, its caller would be nobody.
    pub(super) fn caller(&self, session: SessionId) -> Caller {
        let session = self.out.sessions.get(session);
        let device = session.and_then(|open| Some((open.name()?, open.proof.as_ref()?, open)));
        let Some((name, proof, open)) = device else {
            return Caller::Nobody;
        };
        match proof {
            Proof::Password(_) if !self.accounts.is_proved(name, proof) => Caller::Nobody,
            proof => Caller::Device {
                name: name.clone(),
                proof: proof.clone(),
                address: Some(open.address),
            },
        }
    }

    /// The caller of a call by the present state: the call may have waited.
    pub(super) fn caller_now<C>(&self, call: &Call<C>, now: Now) -> Caller {
        match call.session() {
            Some(session) => self.caller(session),
            None if self.is_still_known(&call.caller, now) => call.caller.clone(),
            None => Caller::Nobody,
        }
    }
}
