//! The hub among its devices, its network, its store and its password checker, in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use fleetlink_core::{
    Account, AccountVersion, AdminId, CheckId, Effect, Hub, Input, Now, OperationId, PasswordHash,
    PenaltySettings, SessionId, Settings,
};
use fleetlink_proto::control::{EndReason, EnrolledKey, RequestId, UploadNumber};
use fleetlink_proto::ticket::TicketSecret;
use fleetlink_proto::transfer::TransferId;
use fleetlink_proto::{DeviceKey, DeviceName, IdempotencyKey, WallTime};

use crate::Traced;
use crate::audit;
use crate::client::{Change, Client};
use crate::coverage::Coverage;
use crate::guesses::matches;
use crate::limits;
use crate::oracle::Oracle;
use crate::rng::Rng;
use crate::sightings::Written;
use crate::store::Store;

pub(crate) struct World {
    pub(crate) rng: Rng,
    /// Draws the reports of transfers, which come beside all else.
    pub(crate) transfer_rng: Rng,
    pub(crate) now: Now,
    pub(crate) hub: Hub,
    pub(crate) store: Store,
    pub(crate) clients: Vec<Client>,
    pub(crate) names: Vec<String>,
    pub(crate) keep_alive: Duration,
    pub(crate) last_session: u64,
    pub(crate) last_key: u128,
    pub(crate) last_admin: u64,
    pub(crate) last_password: u64,
    pub(crate) last_shown: u64,
    /// Of the tickets that were to be issued, in order.
    pub(crate) secrets: Vec<TicketSecret>,
    /// The grants that were given, with their senders; those of earlier lives of the hub too.
    pub(crate) grants: Vec<(TransferId, DeviceName)>,
    settings: Settings,
    oracle: Oracle,
    queue: BTreeMap<(Duration, u64), (u64, Event)>,
    last_event: u64,
    /// Counts the hub's lives: what was on its way in an earlier one never arrives.
    life: u64,
    /// Percent of store operations that fail.
    faults: u64,
    /// Percent of store operations that take as long as the disk wants.
    slow_disk: u64,
    /// Changes that a device knows to be done.
    acknowledged: Vec<(DeviceName, Change)>,
    pub(crate) written: Written,
    pub(crate) keys: BTreeSet<IdempotencyKey>,
    /// Kept where runs are compared.
    pub(crate) trace: Option<Trace>,
    pub(crate) coverage: Coverage,
}

#[derive(Debug)]
pub(crate) enum Event {
    /// A client does its next thing.
    Act(usize),
    /// Something reaches the hub.
    Arrive(Input),
    /// The hub has all bytes of an upload.
    Stage {
        session: SessionId,
        id: RequestId,
        upload: UploadNumber,
        samples: Vec<i64>,
    },
    Check {
        check: CheckId,
        matches: bool,
    },
    Store(OperationId),
    Operator,
    /// Something beside the sessions.
    Elsewhere,
    Crash,
    /// The hub's process is stopped for a while.
    Stall,
}

/// A hash of everything that was done, to compare two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trace(u64);

impl Write for Trace {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for byte in text.bytes() {
            // FNV-1a
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

fn at(monotonic: Duration) -> Now {
    let millis = i64::try_from(monotonic.as_millis()).unwrap();
    Now {
        monotonic,
        wall: WallTime::from_unix_millis(1_664_533_873_000 + millis),
    }
}

/// Whether this event is outside the hub's process, and so survives its end.
fn outlives(event: &Event) -> bool {
    matches!(
        event,
        Event::Act(_) | Event::Operator | Event::Elsewhere | Event::Crash | Event::Stall
    )
}

fn penalties(rng: &mut Rng) -> Option<PenaltySettings> {
    let seconds = |seconds: &u64| Duration::from_secs(*seconds);
    let settings = PenaltySettings {
        names: *rng.pick(&[2, 3, 5]),
        base: seconds(rng.pick(&[1, 5, 15])),
        max: seconds(rng.pick(&[15, 60, 600])),
        loopback: rng.percent(30),
    };
    rng.percent(80).then_some(settings)
}

impl World {
    pub(crate) fn new(seed: u64, traced: Traced) -> Self {
        let mut rng = Rng::new(seed);
        let now = at(Duration::ZERO);
        let settings = Settings {
            max_attempts: rng.pick(&["1", "2", "3", "5"]).parse().unwrap(),
            keep_alive: Duration::from_millis(*rng.pick(&[1000, 2000, 10_000])),
            penalties: penalties(&mut rng),
            capacity: limits::capacity(&mut rng),
            cached_accounts: *rng.pick(&[1, 3, 10_000]),
            ..Settings::default()
        };
        let most = *rng.pick(&[5, 10, 28]);
        let clients = 3 + rng.below(most);
        // Few names make devices fight for them; many leave each to its own.
        let last_name = *rng.pick(&[clients / 6, clients * 2 / 3]);
        let names: Vec<String> = (0..=last_name).map(|n| format!("device-{n}")).collect();
        let mut store = Store::default();
        let enrolled = rng.percent(60);
        for (first, name) in names.iter().enumerate() {
            let name: DeviceName = name.parse().unwrap();
            let key = EnrolledKey {
                key: DeviceKey::from_bytes([u8::try_from(first).unwrap(); 32]),
                enrolled: now.wall,
            };
            let account = Account {
                name: name.clone(),
                password_hash: Some(PasswordHash::new(format!("{name}|first"))),
                created: now.wall,
                key: enrolled.then_some(key),
                version: AccountVersion::default(),
            };
            store.accounts.insert(name, account);
        }
        let hub = Hub::new(settings.clone(), now);
        let oracle = Oracle::new(&settings, &store);
        let mut world = World {
            now,
            hub,
            store,
            clients: Vec::new(),
            names,
            keep_alive: settings.keep_alive,
            last_session: 0,
            last_key: 0,
            last_admin: 0,
            last_password: 0,
            last_shown: 0,
            secrets: Vec::new(),
            grants: Vec::new(),
            settings,
            oracle,
            queue: BTreeMap::new(),
            last_event: 0,
            life: 0,
            faults: *rng.pick(&[0, 5, 20]),
            slow_disk: *rng.pick(&[0, 0, 5, 30]),
            acknowledged: Vec::new(),
            written: Written::default(),
            keys: BTreeSet::new(),
            coverage: Coverage::default(),
            trace: (traced == Traced::Yes).then_some(Trace(0xcbf2_9ce4_8422_2325)),
            rng,
            transfer_rng: Rng::new(!seed),
        };
        world.populate(clients);
        world
    }

    fn populate(&mut self, clients: u64) {
        for n in 0..usize::try_from(clients).unwrap() {
            let key = self.own_key(n);
            self.clients.push(Client {
                name: self.names[n % self.names.len()].clone(),
                key,
                guesses: self.rng.percent(15),
                receives: self.rng.percent(40),
                logged_in_as: None,
                joined: None,
                connection: None,
                change: None,
            });
            let start = self.rng.millis(0, 3000);
            self.schedule(start, Event::Act(n));
        }
        self.schedule(Duration::from_secs(2), Event::Operator);
        if self.rng.percent(60) {
            self.schedule(Duration::from_secs(1), Event::Elsewhere);
        }
        for _ in 0..self.rng.below(3) {
            let crash = self.rng.millis(1000, 60_000);
            self.schedule(crash, Event::Crash);
        }
        for _ in 0..self.rng.below(3) {
            let stall = self.rng.millis(1000, 60_000);
            self.schedule(stall, Event::Stall);
        }
    }

    /// The key of a client; some are further processes of a device that is there.
    fn own_key(&mut self, client: usize) -> DeviceKey {
        let earlier = client.checked_sub(self.names.len());
        match earlier.filter(|_| self.rng.percent(60)) {
            Some(earlier) => self.clients[earlier].key,
            None => DeviceKey::from_bytes([u8::try_from(client).unwrap(); 32]),
        }
    }

    pub(crate) fn schedule(&mut self, after: Duration, event: Event) {
        self.last_event += 1;
        let when = (self.now.monotonic + after, self.last_event);
        self.queue.insert(when, (self.life, event));
    }

    /// Does the next thing that is to happen.
    pub(crate) fn step(&mut self) {
        let (&when, _) = self.queue.first_key_value().expect("clients always act");
        if let Some(timeout) = self.hub.poll_timeout().filter(|timeout| *timeout <= when.0) {
            self.now = at(timeout.max(self.now.monotonic));
            return self.pass_time();
        }
        let (life, event) = self.queue.remove(&when).expect("is the first");
        // What should have happened while the hub stood still happens after that.
        self.now = at(when.0.max(self.now.monotonic));
        if outlives(&event) || life == self.life {
            self.happen(event);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Act(client) => self.act(client),
            Event::Arrive(input) => {
                match &input {
                    Input::Disconnected { session } if !self.oracle.is_live(*session) => {
                        self.coverage.count("late farewell");
                    }
                    Input::Call { session, .. } if !self.oracle.is_live(*session) => {
                        self.coverage.count("late call");
                    }
                    _ => {}
                }
                self.input(input);
            }
            Event::Stage {
                session,
                id,
                upload,
                samples,
            } => {
                let staged = self.store.stage(&samples);
                let id_of = staged.id;
                let was_live = self.oracle.is_live(session);
                self.input(Input::UploadStaged {
                    session,
                    id,
                    upload,
                    staged: Box::new(staged),
                });
                assert!(
                    was_live || !self.store.is_staged(id_of),
                    "leaks staged bytes"
                );
            }
            Event::Check { check, matches } => {
                self.input(Input::PasswordChecked { check, matches });
            }
            Event::Store(operation) => {
                let call = self.store.running[&operation].clone();
                let result = self.store.finish(operation, self.faults, &mut self.rng);
                let input = Input::StoreAnswered { operation, result };
                self.oracle.before(&input, Some(call), self.now);
                self.hub.handle_input(input, self.now);
                self.drain();
            }
            Event::Operator => self.operate(),
            Event::Elsewhere => self.elsewhere(),
            Event::Stall => self.stall(),
            Event::Crash => self.crash(),
        }
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.oracle.before(&input, None, self.now);
        self.hub.handle_input(input, self.now);
        self.drain();
    }

    /// The hub hears, and does, nothing for a while; then of all that came meanwhile.
    fn stall(&mut self) {
        self.coverage.count("stood still");
        let keep_alive = u64::try_from(self.keep_alive.as_millis()).unwrap();
        let time = self.rng.millis(keep_alive / 2, keep_alive * 4);
        self.now = at(self.now.monotonic + time);
        self.hub.stood_still(time);
        self.oracle.stood_still(time);
    }

    fn pass_time(&mut self) {
        self.hub.handle_timeout(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(effect) = self.hub.poll_effect() {
            if let Some(trace) = &mut self.trace {
                write!(trace, "{:?}{effect:?}", self.now.monotonic).unwrap();
            }
            let effect = audit::unsigned(effect, &self.hub, &self.oracle, &mut self.store);
            self.coverage.effect(&effect);
            self.oracle.effect(&effect, &self.store, self.now);
            if let Some(what) = self.oracle.key_login(&effect, self.now) {
                self.coverage.count(what);
            }
            if let Some(what) = self.oracle.happened.take() {
                self.coverage.count(what);
            }
            self.perform(effect);
        }
        self.oracle.after(&self.hub, &self.store, self.now);
        self.write_sightings();
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Reply {
                session,
                id,
                result,
            } => {
                if self.is_of_report(session, &id) {
                    return;
                }
                if let Some(client) = self.reached(session) {
                    let client = &mut self.clients[client];
                    if let Some(change) = client.receive(&id, &result) {
                        let name = client.logged_in_as.clone().expect("is logged in");
                        self.acknowledged.push((name, change));
                    }
                }
            }
            Effect::End { session, .. } | Effect::Close { session } => {
                if let Some(client) = self.client_of(session) {
                    if !matches!(
                        effect,
                        Effect::End {
                            reason: EndReason::Silent | EndReason::HubClosing,
                            ..
                        }
                    ) {
                        self.clients[client].joined = None;
                    }
                    self.clients[client].connection = None;
                }
            }
            Effect::SettleLogin { check, .. } => {
                self.coverage.count("login settled");
                let after = self.rng.millis(1, 400);
                let settled = Input::LoginSettled { check };
                self.schedule(after, Event::Arrive(settled));
            }
            Effect::CheckPassword {
                check,
                password,
                hash,
                ..
            } => {
                let hash = hash.as_ref().map(PasswordHash::as_str);
                let matches = hash.is_some_and(|hash| matches(password.expose(), hash));
                let after = self.rng.millis(1, 400);
                self.schedule(after, Event::Check { check, matches });
            }
            Effect::Store { operation, call } => {
                self.store.begin(operation, call);
                let after = match self.rng.percent(self.slow_disk) {
                    true => self.rng.millis(1_000, 40_000),
                    false => self.rng.millis(1, 300),
                };
                self.schedule(after, Event::Store(operation));
            }
            Effect::Discard { staged } => self.store.discard(staged),
            Effect::StartUpload {
                session,
                id,
                upload,
                change,
            } => self.upload(session, &id, upload, change.key),
            Effect::StartDownload {
                session, download, ..
            } => {
                let after = self.rng.millis(1, 500);
                let ended = Input::DownloadEnded { session, download };
                self.schedule(after, Event::Arrive(ended));
            }
            Effect::Grant { from, to, .. } => {
                let number = u128::try_from(self.grants.len()).unwrap();
                let grant = TransferId::from_bytes(number.to_be_bytes());
                let (from, to) = (from.party.name, to.party.name);
                self.grants.push((grant, from.clone()));
                let granted = Input::Granted { grant, from, to };
                self.schedule(Duration::ZERO, Event::Arrive(granted));
            }
            Effect::Console(event) => {
                let line = event.to_string();
                assert!(!line.contains(char::is_control), "{line:?}");
            }
            Effect::ListUploads { .. }
            | Effect::ListData { .. }
            | Effect::ReplyStateless { .. }
            | Effect::StartStatelessUpload { .. }
            | Effect::Identified { .. }
            | Effect::ReplyToOperator { .. }
            | Effect::Transfer(_)
            | Effect::ActiveChanged
            | Effect::JournalGrew => {}
        }
    }

    pub(crate) fn client_of(&self, session: SessionId) -> Option<usize> {
        let has = |client: &Client| {
            let connection = client.connection.as_ref();
            connection.is_some_and(|connection| connection.session == session)
        };
        self.clients.iter().position(has)
    }

    /// The client to which an answer gets through; sometimes the connection breaks before that.
    fn reached(&mut self, session: SessionId) -> Option<usize> {
        let client = self.client_of(session)?;
        if self.rng.percent(2) {
            self.coverage.count("reply lost");
            self.lose(client);
            return None;
        }
        Some(client)
    }

    /// The hub's process dies and begins again with what the store holds.
    fn crash(&mut self) {
        self.coverage.count("hub crashed");
        self.life += 1;
        self.store.crash(&mut self.rng);
        self.written.crash(&self.store);
        self.hub = Hub::new(self.settings.clone(), self.now);
        self.oracle = Oracle::new(&self.settings, &self.store);
        for client in &mut self.clients {
            client.connection = None;
        }
    }

    pub(crate) fn next_admin(&mut self) -> AdminId {
        self.last_admin += 1;
        AdminId(self.last_admin)
    }

    pub(crate) fn next_key(&mut self) -> IdempotencyKey {
        // Room for the keys that a removal counts up.
        self.last_key += 1 << 32;
        let key = IdempotencyKey::from_bits(self.last_key);
        self.keys.insert(key);
        key
    }

    /// Ends the hub and checks what is left.
    pub(crate) fn close(&mut self) {
        self.input(Input::Close);
        while !self.hub.is_drained() {
            let (&when, _) = self
                .queue
                .first_key_value()
                .expect("an operation under way");
            let (life, event) = self.queue.remove(&when).expect("is the first");
            self.now = at(when.0.max(self.now.monotonic));
            if !outlives(&event) && life == self.life {
                self.happen(event);
            }
        }
        for staged in self.store.staged() {
            assert!(self.oracle.may_be_left(staged), "{staged:?} is left over");
        }
        self.check_changes();
        self.count_records();
        self.store.check_tickets();
    }

    fn count_records(&mut self) {
        if self.store.records > 0 {
            self.coverage.count("a change was recorded");
        }
        if self.store.events > 0 {
            self.coverage.count("an event was recorded");
        }
    }

    /// Every change has one effect at most, and exactly one where its device was told so.
    fn check_changes(&self) {
        let mut effects = BTreeMap::new();
        for (device, key) in &self.store.journal {
            *effects.entry((device, *key)).or_insert(0) += 1;
            let first = IdempotencyKey::from_bits(key.bits() >> 32 << 32);
            assert!(self.keys.contains(&first), "a key that nobody gave");
        }
        assert!(effects.values().all(|count| *count == 1), "a change twice");
        for (device, change) in &self.acknowledged {
            let known = effects.contains_key(&(device, change.key()));
            assert!(known, "{change:?} is lost");
        }
    }
}
