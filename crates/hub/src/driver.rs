//! The driver: owns the core, brings it what happens, and does what it wants done.

mod noting;
mod pace;
mod stall;
mod stateless;
mod turns;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use fleetlink_core::{
    AdminError, AdminErrorKind, AdminId, AdminReply, AdminRequest, AuditEvent, CallId, Caller,
    ConsoleEvent, DataReply, Door, Effect, Hub, Input, Now, SessionId, Snapshot, TransferStatus,
    UploadChange, rpc_error_of_store,
};
use fleetlink_proto::control::{
    ActiveDevice, DownloadNumber, EndReason, ErrorCode, OpenTransferReply, Reply, RequestId,
    RpcError, UploadNumber,
};
use fleetlink_proto::transfer::{GrantedParty, SignedGrant};
use fleetlink_proto::{ClientNetwork, DataFile, DeviceName, HubPin, HubTime, WallTime};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use self::noting::Noting;
use self::pace::Pace;
use self::stall::StallWatch;
pub use self::stateless::StatelessCalls;
pub(crate) use self::stateless::{BegunUpload, OpenedUpload};
use self::stateless::{StatelessEvent, Waiters};
use self::turns::{Party, Turns};
use crate::feed::{Feed, FeedEvent, Filler, Kind};
use crate::http::TransferEvent;
use crate::identity::Identity;
use crate::import::Imports;
use crate::metrics::Meters;
use crate::passwords::Passwords;
use crate::session::Spans;
use crate::store::Store;
use crate::traffic::{Flow, Traffic};

/// Events that may wait for the driver; then sessions wait.
const EVENT_QUEUE: usize = 1024;
/// Events that the driver takes at once: the busier it is, the less often it looks at its timers.
const EVENTS_AT_ONCE: usize = 256;
/// Turns of sessions between two looks at what else has happened.
const TURNS_AT_ONCE: usize = 8;
/// Console lines that may wait for a slow terminal; further ones are counted and left out.
pub(crate) const CONSOLE_QUEUE: usize = 4096;

/// Unfinished uploads that the operator is shown at most.
const UPLOADS_LISTED: usize = 10_000;
/// Data files in one page of the operator's list.
const FILES_LISTED: u32 = 1_000;

/// An event for the driver.
pub(crate) enum Event {
    /// A device connected.
    Opened {
        session: SessionId,
        peer: SocketAddr,
        commands: CommandSender,
        /// Cancelled where the session does not take its commands.
        overflow: CancellationToken,
        /// Cancelled when the core has ended the session.
        over: CancellationToken,
        spans: Spans,
        flow: Flow,
    },
    /// An input for the core.
    Input(Input),
    /// Calls of one session that came together.
    Calls {
        session: SessionId,
        calls: Vec<Input>,
    },
    /// A call without a session.
    Stateless(StatelessEvent),
    /// A request of an operator, an administrator or a viewer, or one of a device about its data files.
    Admin {
        door: Door,
        caller: Caller,
        request: Box<AdminRequest>,
        reply: oneshot::Sender<Result<AdminReply, AdminError>>,
    },
}

/// The way to a session. In boxes: a queue has room for dozens of commands, most of the time unused,
/// in every session.
pub(crate) type CommandSender = mpsc::Sender<Box<SessionCommand>>;

/// A command of the driver to a session.
pub(crate) enum SessionCommand {
    Reply {
        id: RequestId,
        result: Result<Reply, RpcError>,
    },
    End {
        reason: EndReason,
        message: String,
    },
    Close,
    StartUpload(StartUpload),
    StartDownload(StartDownload),
}

/// An upload that the core has allowed.
pub(crate) struct StartUpload {
    pub(crate) id: RequestId,
    pub(crate) upload: UploadNumber,
    pub(crate) change: UploadChange,
}

/// A download that the core has allowed.
pub(crate) struct StartDownload {
    pub(crate) id: RequestId,
    pub(crate) download: DownloadNumber,
    pub(crate) snapshot: Snapshot,
}

/// The driver is gone: the hub has ended.
#[derive(Debug)]
pub(crate) struct DriverGone;

/// The way to the driver.
#[derive(Clone)]
pub(crate) struct DriverHandle {
    events: mpsc::Sender<Event>,
    imports: Imports,
}

impl DriverHandle {
    pub(crate) async fn send(&self, event: Event) -> Result<(), DriverGone> {
        self.events.send(event).await.map_err(|_| DriverGone)
    }

    pub(crate) async fn input(&self, input: Input) -> Result<(), DriverGone> {
        self.send(Event::Input(input)).await
    }

    /// The events that wait, and how many may.
    pub(crate) fn queue(&self) -> (usize, usize) {
        let most = self.events.max_capacity();
        (most - self.events.capacity(), most)
    }

    /// Has an event recorded that happened outside the core.
    pub(crate) async fn happened(&self, event: AuditEvent) {
        // Without a driver nobody records any more.
        let _ = self.input(Input::Happened(Box::new(event))).await;
    }

    /// The import that is under way.
    pub(crate) fn imports(&self) -> &Imports {
        &self.imports
    }

    /// Tells the core whether an import is under way; when this returns, it knows.
    pub(crate) async fn importing(&self, under_way: bool) -> Result<(), String> {
        let told = self.input(Input::Importing { under_way }).await;
        told.map_err(|DriverGone| "the hub is shutting down".to_owned())
    }

    /// Asks the core on behalf of the operator.
    pub(crate) async fn admin(&self, request: AdminRequest) -> Result<AdminReply, String> {
        let asked = self.administer(Door::Socket, Caller::Operator, request);
        asked.await.map_err(|error| error.message)
    }

    /// Asks the core on behalf of this caller.
    pub(crate) async fn administer(
        &self,
        door: Door,
        caller: Caller,
        request: AdminRequest,
    ) -> Result<AdminReply, AdminError> {
        let (reply, replied) = oneshot::channel();
        let ended = || AdminError {
            kind: AdminErrorKind::Busy,
            message: "the hub is shutting down".to_owned(),
        };
        let request = Box::new(request);
        let event = Event::Admin {
            door,
            caller,
            request,
            reply,
        };
        self.send(event).await.map_err(|DriverGone| ended())?;
        replied.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// Something that the operator is shown.
#[derive(Debug, Clone)]
pub struct HubEvent {
    /// The time of the event.
    pub time: WallTime,
    /// The event.
    pub event: ConsoleEvent,
}

/// The parts outside the core that follow its state.
pub(crate) struct Followers {
    /// The active devices, for `edge-device-log.txt`.
    pub(crate) active: watch::Sender<Vec<ActiveDevice>>,
    /// Changes whenever the store's journal has grown.
    pub(crate) journal: watch::Sender<u64>,
    /// The operator's lines.
    pub(crate) console: mpsc::Sender<HubEvent>,
    /// The live feed.
    pub(crate) feed: Feed,
    /// The bytes of each device.
    pub(crate) traffic: Traffic,
    pub(crate) meters: Arc<Meters>,
}

/// Owns the core.
pub(crate) struct Driver {
    core: Hub,
    started: Instant,
    store: Arc<dyn Store>,
    passwords: Passwords,
    imports: Imports,
    followers: Followers,
    /// None where no device can come.
    identity: Option<Identity>,
    events: mpsc::Receiver<Event>,
    /// Store operations and password checks under way; the core bounds their number.
    work: JoinSet<Input>,
    sessions: HashMap<SessionId, Session>,
    turns: Turns,
    stalls: StallWatch,
    waiters: Waiters,
    /// Uploads without a session that ended, and the way for their ends. The core bounds their number.
    upload_ends: (
        mpsc::UnboundedSender<CallId>,
        mpsc::UnboundedReceiver<CallId>,
    ),
    admin_calls: HashMap<AdminId, oneshot::Sender<Result<AdminReply, AdminError>>>,
    admin_count: u64,
    /// Fills the live feed.
    filler: Filler,
    console_lost: u64,
    noting: Noting,
    active: Pace,
    wall_clock: WallClock,
}

/// Tells the civil time. Tests set it forward and back.
pub type WallClock = Arc<dyn Fn() -> WallTime + Send + Sync>;

struct Session {
    source: ClientNetwork,
    commands: CommandSender,
    overflow: CancellationToken,
    over: CancellationToken,
    spans: Spans,
    flow: Flow,
}

impl Driver {
    pub(crate) fn new(
        make_core: impl FnOnce(Now) -> Hub,
        store: Arc<dyn Store>,
        passwords: Passwords,
        followers: Followers,
        identity: Option<Identity>,
        wall_clock: WallClock,
    ) -> (Self, DriverHandle) {
        let (sender, events) = mpsc::channel(EVENT_QUEUE);
        let imports = Imports::default();
        let started = Instant::now();
        let core = make_core(now(started, &wall_clock));
        let driver = Driver {
            stalls: StallWatch::new(core.keep_alive(), started),
            core,
            started,
            store,
            passwords,
            imports: imports.clone(),
            identity,
            events,
            work: JoinSet::new(),
            sessions: HashMap::new(),
            turns: Turns::default(),
            waiters: Waiters::default(),
            upload_ends: mpsc::unbounded_channel(),
            admin_calls: HashMap::new(),
            admin_count: 0,
            filler: Filler::new(followers.feed.clone()),
            console_lost: 0,
            noting: Noting::default(),
            active: Pace::default(),
            followers,
            wall_clock,
        };
        let handle = DriverHandle {
            events: sender,
            imports,
        };
        (driver, handle)
    }

    /// Runs until the core has drained after [`Input::Close`].
    pub(crate) async fn run(mut self) {
        let mut events = Vec::new();
        while !self.core.is_drained() {
            let timeout = self.core.poll_timeout().map(|at| self.started + at);
            let notes_due = self.notes_due();
            tokio::select! {
                biased;
                1.. = self.events.recv_many(&mut events, EVENTS_AT_ONCE) => {}
                Some(done) = self.work.join_next() => self.handle_done(done),
                Some(upload) = self.upload_ends.1.recv() => {
                    self.input(Input::StatelessUploadEnded { upload });
                }
                () = sleep_until(timeout) => {}
                () = sleep_until(self.active.due) => {}
                () = sleep_until(self.filler.due()) => {}
                written = self.noting.ended() => self.notes_written(written),
                () = sleep_until(notes_due) => {}
                () = tokio::time::sleep_until(self.stalls.next()) => {}
                () = std::future::ready(()), if !self.turns.is_empty() => {}
            }
            // Before anything that came meanwhile is judged late.
            if let Some(stall) = self.stalls.looked(Instant::now()) {
                tracing::warn!(?stall, "the hub stood still");
                self.core.stood_still(stall);
            }
            // Whoever has the reply to an upload has its slot again.
            while let Ok(upload) = self.upload_ends.1.try_recv() {
                self.input(Input::StatelessUploadEnded { upload });
            }
            events.drain(..).for_each(|event| self.handle_event(event));
            while let Some(done) = self.work.try_join_next() {
                self.handle_done(done);
            }
            let time = self.now();
            if self
                .core
                .poll_timeout()
                .is_some_and(|at| at <= time.monotonic)
            {
                self.core.handle_timeout(time);
            }
            self.take_turns();
            while let Some(effect) = self.core.poll_effect() {
                self.perform(effect);
            }
            self.filler.tell_due(Instant::now());
            if self.active.is_due(Instant::now()) || self.core.is_drained() {
                let active = self.core.active().collect();
                self.followers.active.send_replace(active);
            }
            self.note_if_due();
            let meters = &self.followers.meters;
            meters.present.set(self.core.present());
            meters.set_transfers(self.core.transfer_totals());
            meters.sessions.set(self.sessions.len());
            meters.set_audit_dropped(self.core.dropped_events());
        }
        let unwritten = self.core.dropped_events().unwritten;
        if unwritten > 0 {
            tracing::warn!(unwritten, "the store has not written some audit events");
        }
        self.note_the_rest().await;
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Opened {
                session,
                peer,
                commands,
                overflow,
                over,
                spans,
                flow,
            } => {
                let opened = Session {
                    source: ClientNetwork::of(peer.ip()),
                    commands,
                    overflow,
                    over,
                    spans,
                    flow,
                };
                self.sessions.insert(session, opened);
                self.input(Input::Connected { session, peer });
            }
            Event::Input(input) => match follows(&input) {
                // Not before what the session has asked for.
                Some(session) => {
                    if let Some(input) = self.turns.push_behind(session, input) {
                        self.input(input);
                    }
                }
                None => self.input(input),
            },
            Event::Calls { session, calls } => {
                // Waiting for its turn is no silence.
                self.input(Input::Alive { session });
                if let Some(party) = self.party(session) {
                    self.turns.push(session, party, calls);
                }
            }
            Event::Stateless(event) => self.handle_stateless(event),
            Event::Admin {
                door,
                caller,
                request,
                reply,
            } => {
                // Of these callers devices alone have many requests.
                let party = caller.device().cloned().map(Party::Device);
                let Some(reply) = self.admit(party.as_ref(), reply) else {
                    return;
                };
                self.admin_count += 1;
                let admin = AdminId(self.admin_count);
                self.admin_calls.insert(admin, reply);
                let request = *request;
                let input = Input::Admin {
                    admin,
                    door,
                    caller,
                    request,
                };
                self.give(party, input);
            }
        }
    }

    /// A check or an operation that died would leave the core waiting for ever: so does the hub.
    fn handle_done(&mut self, done: Result<Input, tokio::task::JoinError>) {
        match done {
            Ok(input) => self.input(input),
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }

    /// With whom this session takes turns.
    fn party(&self, session: SessionId) -> Option<Party> {
        match self.core.device_of(session) {
            Some(device) => Some(Party::Device(device.clone())),
            None => {
                let session = self.sessions.get(&session)?;
                Some(Party::Stranger(session.source))
            }
        }
    }

    fn take_turns(&mut self) {
        for _ in 0..TURNS_AT_ONCE {
            let Some(input) = self.turns.next() else {
                return;
            };
            self.input(input);
        }
    }

    fn input(&mut self, input: Input) {
        if let Input::Disconnected { session } | Input::Unread { session } = &input {
            self.sessions.remove(session);
        }
        self.core.handle_input(input, self.now());
    }

    fn now(&self) -> Now {
        now(self.started, &self.wall_clock)
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Reply {
                session,
                id,
                result,
            } => {
                if matches!(result, Ok(Reply::Login(_))) {
                    self.note_login(session);
                }
                self.command(session, SessionCommand::Reply { id, result });
            }
            Effect::End {
                session,
                reason,
                message,
            } => {
                self.command(session, SessionCommand::End { reason, message });
                if let Some(open) = self.sessions.get(&session) {
                    open.over.cancel();
                }
            }
            Effect::Close { session } => self.command(session, SessionCommand::Close),
            Effect::StartUpload {
                session,
                id,
                upload,
                change,
            } => {
                let start = StartUpload { id, upload, change };
                self.command(session, SessionCommand::StartUpload(start));
            }
            Effect::StartDownload {
                session,
                id,
                download,
                snapshot,
            } => {
                let start = StartDownload {
                    id,
                    download,
                    snapshot,
                };
                self.command(session, SessionCommand::StartDownload(start));
            }
            Effect::SettleLogin { check, name } => {
                let (imports, passwords) = (self.imports.clone(), self.passwords.clone());
                let work = async move {
                    imports.settle(&name, &passwords).await;
                    Input::LoginSettled { check }
                };
                let span = self.span_of(self.core.caller_of_check(check));
                self.work.spawn(work.instrument(span));
            }
            Effect::CheckPassword {
                check,
                password,
                hash,
                is_repeated,
            } => {
                let passwords = self.passwords.clone();
                let work = async move {
                    let matches = match is_repeated {
                        true => passwords.check_repeated(password, hash).await,
                        false => passwords.check(password, hash).await,
                    };
                    Input::PasswordChecked { check, matches }
                };
                let span = self.span_of(self.core.caller_of_check(check));
                self.work.spawn(work.instrument(span));
            }
            Effect::Store { operation, call } => {
                let store = Arc::clone(&self.store);
                let work = async move {
                    let result = store.execute(call).await;
                    Input::StoreAnswered { operation, result }
                };
                let span = self.span_of(self.core.caller_of(operation));
                self.work.spawn(work.instrument(span));
            }
            Effect::Discard { staged } => self.discard(staged),
            Effect::Grant {
                session,
                id,
                from,
                to,
                known_by,
                expires,
                addresses,
            } => {
                let names = (from.party.name.clone(), to.party.name.clone());
                let result = self.sign_grant((*from, *to), &known_by, expires);
                if let Ok(signed) = &result {
                    let (grant, (from, to)) = (signed.grant.id, names);
                    self.input(Input::Granted { grant, from, to });
                }
                let result = result
                    .map(|grant| Reply::Transfer(Box::new(OpenTransferReply { grant, addresses })));
                self.command(session, SessionCommand::Reply { id, result });
            }
            Effect::ReplyStateless { call, result } => self.waiters.reply(call, result),
            Effect::StartStatelessUpload { call, change } => self.begin_upload(call, change),
            Effect::Identified { call, result } => self.waiters.identify(call, result),
            Effect::ListUploads { admin } => self.list_uploads(admin),
            Effect::ListData {
                admin,
                device,
                after,
            } => self.list_data(admin, device, after),
            Effect::ReplyToOperator { admin, result } => {
                if let Some(reply) = self.admin_calls.remove(&admin) {
                    // The operator may have gone meanwhile.
                    let _ = reply.send(result);
                }
            }
            Effect::ActiveChanged => self.active.changed(Instant::now()),
            Effect::JournalGrew => self.followers.journal.send_modify(|count| *count += 1),
            Effect::Transfer(status) => self.show_transfer(&status),
            Effect::Console(event) => self.show(event),
        }
    }

    fn sign_grant(
        &self,
        (from, to): (GrantedParty, GrantedParty),
        known_by: &[HubPin],
        expires: HubTime,
    ) -> Result<SignedGrant, RpcError> {
        let shown = self.identity.as_ref().map(Identity::shown);
        let signed = shown.and_then(|shown| {
            let signed = shown.grants().sign(from, to, expires)?;
            let succession = shown.succession_for(known_by).to_vec();
            Some(SignedGrant {
                succession,
                ..signed
            })
        });
        signed.ok_or_else(|| RpcError::new(ErrorCode::Internal, "the hub could not sign a grant"))
    }

    /// Tells those who watch how a transfer is doing.
    fn show_transfer(&self, status: &TransferStatus) {
        let epoch = self.followers.feed.epoch();
        let item = TransferEvent::new(epoch, status, (self.wall_clock)());
        let about = [&status.from, &status.to];
        let event = FeedEvent::new(Kind::Transfer, about, &item);
        self.followers.feed.publish(&event);
    }

    /// The span of a call that is not answered yet.
    fn span_of(&self, call: Option<(SessionId, &RequestId)>) -> Span {
        let of = |(session, id): (SessionId, &RequestId)| {
            let session = self.sessions.get(&session)?;
            Some(session.spans.of(id))
        };
        call.and_then(of).unwrap_or_else(Span::none)
    }

    /// The log names the device from here on.
    fn note_login(&self, session: SessionId) {
        let open = self.sessions.get(&session);
        if let (Some(open), Some(device)) = (open, self.core.device_of(session)) {
            open.spans.name(device);
            open.flow.belongs_to(device, &self.followers.traffic);
            open.spans
                .connection()
                .in_scope(|| tracing::info!("a device has logged in"));
        }
    }

    /// A session that does not take its commands is a slow reader, and is ended.
    fn command(&mut self, session: SessionId, command: SessionCommand) {
        let Some(open) = self.sessions.get(&session) else {
            return;
        };
        if open.commands.try_send(Box::new(command)).is_err() {
            open.overflow.cancel();
        }
    }

    fn list_uploads(&mut self, admin: AdminId) {
        let Some(reply) = self.admin_calls.remove(&admin) else {
            return;
        };
        let store = Arc::clone(&self.store);
        tokio::spawn(async move {
            let uploads = store.uploads(UPLOADS_LISTED).await;
            let result = uploads.map(AdminReply::Uploads);
            // The operator may have gone meanwhile.
            let _ = reply.send(result.map_err(AdminError::from));
        });
    }

    fn list_data(
        &mut self,
        admin: AdminId,
        device: Option<DeviceName>,
        after: Option<(DeviceName, DataFile)>,
    ) {
        let Some(reply) = self.admin_calls.remove(&admin) else {
            return;
        };
        let store = Arc::clone(&self.store);
        tokio::spawn(async move {
            let files = store.files(device, after, FILES_LISTED).await;
            let page = files.map_or_else(
                |error| DataReply::Refused(rpc_error_of_store(error, "there are no files")),
                DataReply::Files,
            );
            // The operator may have gone meanwhile.
            let _ = reply.send(Ok(AdminReply::Data(page)));
        });
    }

    fn discard(&mut self, staged: fleetlink_core::StagedId) {
        let store = Arc::clone(&self.store);
        tokio::spawn(async move {
            if let Err(error) = store.discard(staged).await {
                tracing::warn!(%error, "staged bytes stay until the next start");
            }
        });
    }

    fn show(&mut self, event: ConsoleEvent) {
        self.followers.meters.count(&event);
        if let ConsoleEvent::Account {
            name,
            change: fleetlink_core::AccountChange::Removed,
        } = &event
        {
            self.followers.traffic.forget(name);
        }
        let time = (self.wall_clock)();
        self.filler.tell(&event, time, Instant::now());
        let event = HubEvent { time, event };
        if self.followers.console.try_send(event).is_err() {
            self.console_lost += 1;
            self.followers.meters.console_dropped.one();
            if self.console_lost.is_power_of_two() {
                tracing::warn!(lost = self.console_lost, "the console does not keep up");
            }
        }
    }
}

/// The session whose earlier calls come before this.
fn follows(input: &Input) -> Option<SessionId> {
    match input {
        Input::Disconnected { session }
        | Input::Unread { session }
        | Input::UploadStaged { session, .. } => Some(*session),
        _ => None,
    }
}

/// Both clocks, read once.
fn now(started: Instant, wall_clock: &WallClock) -> Now {
    Now {
        monotonic: started.elapsed(),
        wall: wall_clock(),
    }
}

/// The civil time.
pub(crate) fn wall_time() -> WallTime {
    WallTime::from_system(SystemTime::now())
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
