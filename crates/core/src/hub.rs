//! The hub as a whole: takes each input to its subject.

mod accounts;
mod commands;
mod data;
mod endings;
mod grants;
mod imports;
mod jobs;
mod joining;
mod key_login;
mod keys;
mod lifecycle;
mod login;
mod redemption;
mod removal;
mod sessions;
mod tickets;
mod uploads;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fleetlink_proto::control::limits::{MAX_KEEP_ALIVE, MIN_KEEP_ALIVE};
use fleetlink_proto::control::{
    ActiveDevice, AnnounceEndpoint, EnrolKey, OpenTransfer, Pong, ReplaceKey, Reply, Request,
    RequestId, RpcError,
};
use fleetlink_proto::{DeviceName, HubTime};

use crate::access::accounts::Accounts;
use crate::access::authorisation::{Action, Caller, Decision, Means, decide};
use crate::access::errors::not_allowed;
use crate::access::logins::Logins;
use crate::access::possession::Possession;
use crate::access::tickets::Tickets;
use crate::call::{Call, Calls, Door};
use crate::console::{ConsoleEvent, Departure};
use crate::effect::Effect;
use crate::errors;
use crate::files::queue::Operations;
use crate::files::slots::HubTransfers;
use crate::files::task::Task;
use crate::hub::jobs::Job;
use crate::ids::{OperationId, SessionId};
use crate::input::Input;
use crate::operator::account_change::AccountJob;
use crate::presence::device::Reached;
use crate::presence::list::Presence;
use crate::session::census::Census;
use crate::session::deadlines::Deadlines;
use crate::session::state::{Proof, Session, Stage};
use crate::session::without_login::UnknownSessions;
use crate::settings::Settings;
use crate::store::calls::{Account, StoreError, StoreReply};
use crate::store::ticket::Ticket;
use crate::time::Now;

/// A hub's rules and state, without I/O.
///
/// The driver gives it every [`Input`] with the time at which it happened, does every [`Effect`]
/// that [`Hub::poll_effect`] returns, in that order, and calls [`Hub::handle_timeout`] when the time
/// of [`Hub::poll_timeout`] has come. The same inputs lead to the same effects.
#[derive(Debug)]
pub struct Hub {
    /// The first to be dropped: calls that wait then wait no more.
    calls: Calls,
    settings: Settings,
    accounts: Accounts,
    tickets: Tickets,
    sessions: BTreeMap<SessionId, Session>,
    unknown_sessions: UnknownSessions,
    census: Census,
    logins: Logins,
    presence: Presence,
    transfers: HubTransfers,
    operations: Operations<Job>,
    deadlines: Deadlines,
    effects: VecDeque<Effect>,
    closing: bool,
    /// Whether lines of a credentials file wait to be imported.
    importing: bool,
    /// When the last input came.
    time: Duration,
}

impl Hub {
    /// A hub with the accounts that its store holds. A keep-alive outside the limits of the
    /// protocol is brought inside.
    pub fn new(mut settings: Settings, accounts: Vec<Account>, now: Now) -> Self {
        settings.keep_alive = settings.keep_alive.clamp(MIN_KEEP_ALIVE, MAX_KEEP_ALIVE);
        Hub {
            calls: Calls::default(),
            logins: Logins::new(&settings),
            accounts: accounts.into_iter().collect(),
            tickets: Tickets::default(),
            sessions: BTreeMap::new(),
            unknown_sessions: UnknownSessions::default(),
            census: Census::default(),
            presence: Presence::starting_at(now.wall),
            transfers: HubTransfers::within(&settings.capacity),
            operations: Operations::new(),
            deadlines: Deadlines::default(),
            effects: VecDeque::new(),
            closing: false,
            importing: false,
            time: now.monotonic,
            settings,
        }
    }

    /// The same hub with the tickets that its store holds.
    #[must_use]
    pub fn with_tickets(mut self, tickets: Vec<Ticket>) -> Self {
        self.tickets = tickets.into_iter().collect();
        self
    }

    /// Something happened. What comes of a session that has ended, or of an operation that is
    /// answered, changes nothing.
    pub fn handle_input(&mut self, input: Input, now: Now) {
        self.time = now.monotonic;
        match input {
            Input::Connected { session, peer } => self.connected(session, peer.ip(), now),
            Input::Alive { session } => _ = self.heard(session, now),
            Input::Call {
                session,
                id,
                request,
                possession,
            } => self.call(session, id, request, possession, now),
            Input::Disconnected { session } => {
                self.disconnected(session, Departure::ConnectionClosed);
            }
            Input::Unread { session } => self.disconnected(session, Departure::Unread),
            Input::UploadStaged {
                session,
                id,
                upload,
                staged,
            } => self.upload_staged(session, id, upload, staged, now),
            Input::UploadEnded { session, upload } => self.upload_ended(session, upload),
            Input::DownloadEnded { session, download } => self.download_ended(session, download),
            Input::PasswordChecked { check, matches } => self.password_checked(check, matches, now),
            Input::Importing { under_way } => self.importing = under_way,
            Input::LoginSettled { check } => self.login_settled(check),
            Input::StoreAnswered { operation, result } => {
                self.store_answered(operation, result, now);
            }
            Input::Admin { admin, request } => self.admin(admin, request, now),
            Input::Close => self.close(),
        }
    }

    /// The next thing to do, in the order in which they are to be done.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The next monotonic time at which [`Hub::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.deadlines.next()
    }

    /// Ends every session whose deadline has come.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(session) = self.deadlines.pop_due(now.monotonic) {
            self.end_overdue(session);
        }
    }

    /// How often a session shows life.
    pub fn keep_alive(&self) -> Duration {
        self.settings.keep_alive
    }

    /// The device as which a session is logged in.
    pub fn device_of(&self, session: SessionId) -> Option<&DeviceName> {
        self.sessions.get(&session).and_then(Session::name)
    }

    /// The hub itself stood still for this time: its process was stopped, or got no processor. What
    /// it could not hear meanwhile is no silence of a session.
    pub fn stood_still(&mut self, time: Duration) {
        let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in sessions {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.excuse(time);
            }
            self.rearm(id);
        }
    }

    /// The active devices in the order in which they joined.
    pub fn active(&self) -> impl Iterator<Item = ActiveDevice> {
        self.presence.iter()
    }

    /// Whether nothing is left to wait for after [`Input::Close`]: no session and no store operation.
    pub fn is_drained(&self) -> bool {
        self.closing && self.sessions.is_empty() && self.operations.is_empty()
    }

    /// The time by the clock of this run, which nobody can set.
    pub(crate) fn clock(&self, now: Now) -> HubTime {
        let run = self.settings.run;
        HubTime { run, ms: 0 }.later(now.monotonic)
    }

    fn call(
        &mut self,
        session: SessionId,
        id: RequestId,
        request: Request,
        possession: Possession,
        now: Now,
    ) {
        if !self.heard(session, now) {
            return;
        }
        self.owe(session);
        match request {
            Request::Hello(hello) => self.hello(session, id, &hello),
            _ if self.is_at(session, |stage| matches!(stage, Stage::Connected)) => {
                self.refuse(session, id, errors::out_of_order("the first call is hello"));
            }
            Request::Ping => {
                let clock = Some(self.clock(now));
                self.answer(session, id, Ok(Reply::Pong(Pong { clock })));
            }
            Request::Leave => self.goodbye(session, id),
            Request::Login(login) => self.login(session, id, login, possession, now),
            Request::RedeemTicket(redeem) => {
                match decide(self.caller(session), Action::RedeemTicket) {
                    Decision::Allowed => self.redeem(session, id, redeem, possession, now),
                    decision => {
                        let error = not_allowed(decision, "ticket.redeem");
                        self.refuse(session, id, error);
                    }
                }
            }
            request => match self.admit(session, &request) {
                Ok(name) => self.command(session, id, name, request, possession, now),
                Err(error) => self.refuse(session, id, error),
            },
        }
    }

    /// The device whose session may do this.
    fn admit(&self, session: SessionId, request: &Request) -> Result<DeviceName, RpcError> {
        let name = self.sessions.get(&session).and_then(Session::name).cloned();
        let refused = |decision| Err(not_allowed(decision, request.method()));
        let Some(name) = name else {
            return refused(Decision::LoginNeeded);
        };
        match decide(self.caller(session), action(request, &name)) {
            Decision::Allowed => Ok(name),
            decision => refused(decision),
        }
    }

    /// Who is at the other end of a session.
    pub(crate) fn caller(&self, session: SessionId) -> Caller<'_> {
        let Some(session) = self.sessions.get(&session) else {
            return Caller::Stranger;
        };
        let (Some(name), Some(proof)) = (session.name(), &session.proof) else {
            return Caller::Stranger;
        };
        let account = self.accounts.get(name);
        let means = match proof {
            Proof::Key(_) => Means::Key,
            Proof::Password(hash)
                if account.is_some_and(|a| a.password_hash.as_ref() == Some(hash)) =>
            {
                Means::Password
            }
            // A session ends with its password; should one be left, it is nobody's.
            Proof::Password(_) => return Caller::Stranger,
        };
        let joined = matches!(session.stage, Stage::Joined { .. });
        Caller::Device {
            name,
            means,
            joined,
        }
    }

    /// A call of a session that is logged in.
    fn command(
        &mut self,
        session: SessionId,
        id: RequestId,
        name: DeviceName,
        request: Request,
        possession: Possession,
        now: Now,
    ) {
        match request {
            Request::Join(join) => self.join(session, id, name, &join, now),
            Request::ListDevices(list) => self.list_devices(session, id, &name, &list),
            Request::OpenUpload(upload) => self.open_upload(session, id, &name, upload, now),
            Request::OpenDownload(download) => {
                self.open_download(session, id, &name, download, now);
            }
            Request::Compute(compute) => {
                self.issue(session, id, &name, Task::Compute(compute), now);
            }
            Request::DeleteFile(delete) => {
                self.issue(session, id, &name, Task::Delete(delete), now);
            }

            Request::ListFiles(list) => {
                self.issue(session, id, &name, Task::ListFiles(list), now);
            }

            Request::EnrolKey(EnrolKey { key, .. }) => {
                self.enrol_key((session, id), &name, (key, possession), false, now);
            }
            Request::ReplaceKey(ReplaceKey { key, .. }) => {
                self.enrol_key((session, id), &name, (key, possession), true, now);
            }
            Request::RevokeKey => self.revoke_key((session, id), &name, now),
            Request::ListKeys => self.list_keys(session, id, &name),
            Request::AnnounceEndpoint(AnnounceEndpoint {
                certificate,
                addresses,
            }) => {
                let endpoint = certificate.certificate;
                let reached = Reached {
                    endpoint,
                    addresses,
                };
                self.announce_endpoint((session, id), &name, reached, possession);
            }
            Request::OpenTransfer(OpenTransfer { to, certificate }) => {
                let endpoint = certificate.map(|signed| (signed.certificate, possession));
                self.open_transfer((session, id), &name, &to, endpoint, now);
            }

            // The driver answers the last three itself. Should one come all the same, the caller is
            // not left without an answer.
            Request::Hello(_)
            | Request::Login(_)
            | Request::RedeemTicket(_)
            | Request::Ping
            | Request::Leave
            | Request::CommitUpload(_)
            | Request::AbortUpload(_)
            | Request::CancelDownload(_) => self.refuse(session, id, errors::no_such_transfer()),
        }
    }

    /// Queues a job under its name and starts it if none is before it. What the operator asks
    /// for, and what takes something away from a device, does not wait for what the device has asked
    /// for.
    pub(crate) fn enqueue(
        &mut self,
        name: &DeviceName,
        job: Job,
        now: Now,
    ) -> Result<(), Box<Job>> {
        match job {
            Job::Account(_) | Job::Key(_) | Job::Data(_) => {
                let yields = |job: &Job| matches!(job, Job::Device(_));
                self.operations.push_urgent(name, job, yields)?;
            }
            Job::Device(_) | Job::Ticket(_) | Job::Redemption(_) => {
                self.operations.push(name, job)?;
            }
        }
        self.start_next(name, now);
        Ok(())
    }

    fn store_answered(
        &mut self,
        operation: OperationId,
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) {
        let Some((name, job)) = self.operations.answered(operation) else {
            return;
        };
        match job {
            Job::Device(job) => self.finish_device_job(&name, job, result),
            Job::Account(job) => {
                if let Some(job) = self.finish_account_step(&name, job, result, now) {
                    return self.run(&name, Job::Account(job), now);
                }
            }
            Job::Data(job) => self.finish_data_job(&name, &job, result),
            Job::Key(job) => self.finish_key_job(&name, job, result),
            Job::Ticket(job) => self.finish_ticket_job(job, result, now),
            Job::Redemption(job) => self.finish_redemption(&name, job, result, now),
        }
        self.operations.release(&name);
        self.start_next(&name, now);
    }

    fn start_next(&mut self, name: &DeviceName, now: Now) {
        while let Some(job) = self.operations.take_next(name) {
            if let Some(job) = self.still_wanted(name, job, now) {
                return self.run(name, job, now);
            }
            self.operations.release(name);
        }
    }

    /// A job whose turn has come, unless it is wanted no more. Then its call is ended here.
    fn still_wanted(&mut self, name: &DeviceName, mut job: Job, now: Now) -> Option<Job> {
        match &mut job {
            Job::Device(device) => {
                let session = device.call.session();
                let is_open = session.is_some_and(|id| self.sessions.contains_key(&id));
                if !is_open && !device.task.is_change() {
                    if let Job::Device(device) = job {
                        // Its session is gone: nobody waits for a reply.
                        device.call.end();
                    }
                    return None;
                }
            }
            Job::Account(AccountJob::Import(job)) => self.decide_import(name, job),
            Job::Account(_) | Job::Data(_) | Job::Ticket(_) => {}
            Job::Key(change) => {
                if let Err(error) = self.may_still(name, change) {
                    if let Job::Key(change) = job {
                        self.end_key_call(change.call, Err(error));
                    }
                    return None;
                }
            }
            Job::Redemption(redemption) => {
                return self.may_still_redeem(name, redemption, now).then_some(job);
            }
        }
        Some(job)
    }

    fn run(&mut self, name: &DeviceName, job: Job, now: Now) {
        let call = job.call(name, now.wall);
        let operation = self.operations.run(name, job);
        self.effects.push_back(Effect::Store { operation, call });
    }

    /// Answers a call, unless its session is gone.
    pub(crate) fn answer(
        &mut self,
        session: SessionId,
        id: RequestId,
        result: Result<Reply, RpcError>,
    ) {
        if self.sessions.contains_key(&session) {
            self.settle(session);
            self.effects.push_back(Effect::Reply {
                session,
                id,
                result,
            });
        }
    }

    /// Answers a call that waited for the store.
    pub(crate) fn reply(&mut self, call: Call, result: Result<Reply, RpcError>) {
        if let Some(Door::Session(session, id)) = call.end() {
            self.answer(session, id, result);
        }
    }

    pub(crate) fn refuse(&mut self, session: SessionId, id: RequestId, error: RpcError) {
        self.answer(session, id, Err(error));
    }

    pub(crate) fn show(&mut self, event: ConsoleEvent) {
        self.effects.push_back(Effect::Console(event));
    }

    pub(crate) fn is_at(&self, session: SessionId, stage: impl Fn(&Stage) -> bool) -> bool {
        self.sessions
            .get(&session)
            .is_some_and(|session| stage(&session.stage))
    }
}

/// What a call of a device asks for, in the words of [`decide`]. Where it names no device, it asks
/// about its own.
fn action<'a>(request: &'a Request, own: &'a DeviceName) -> Action<'a> {
    match request {
        Request::Hello(_) | Request::Login(_) | Request::Ping | Request::Leave => Action::Converse,
        Request::Join(_) => Action::Join(own),
        Request::ListDevices(_) => Action::ListDevices,
        Request::Compute(_)
        | Request::ListFiles(_)
        | Request::OpenDownload(_)
        | Request::CancelDownload(_) => Action::ReadData(own),
        Request::OpenUpload(_) | Request::CommitUpload(_) | Request::AbortUpload(_) => {
            Action::WriteData(own)
        }
        Request::DeleteFile(_) => Action::DeleteData(own),
        Request::ListKeys => Action::ListKeys(own),
        Request::EnrolKey(EnrolKey { name, .. }) | Request::ReplaceKey(ReplaceKey { name, .. }) => {
            Action::ChangeKey(name)
        }
        Request::RevokeKey => Action::ChangeKey(own),
        Request::AnnounceEndpoint(_) | Request::OpenTransfer(_) => Action::Transfer(own),
        Request::RedeemTicket(_) => Action::RedeemTicket,
    }
}
