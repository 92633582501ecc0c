//! The hub as a whole: takes each input to its subject.

mod accounts;
mod administration;
mod admission;
mod audit;
mod callers;
mod endings;
mod grants;
mod identification;
mod imports;
mod joining;
mod key_login;
mod keys;
mod lifecycle;
mod login;
mod page_login;
mod people;
mod presences;
mod queue;
mod reads;
mod redemption;
mod removal;
mod routing;
mod sessions;
mod tickets;
mod transfers;
mod work;

use std::time::Duration;

use fleetlink_proto::control::ActiveDevice;
use fleetlink_proto::control::limits::{MAX_KEEP_ALIVE, MIN_KEEP_ALIVE};
use fleetlink_proto::{DeviceName, HubTime};

use crate::access::accounts::Accounts;
use crate::access::admissions::Admissions;
use crate::access::attempt_tables::AttemptTables;
use crate::access::attempts::Attempts;
use crate::access::logins::Logins;
use crate::access::parked::Reads;
use crate::access::people_changes::PeopleChanges;
use crate::access::tickets::Uses;
use crate::audit::collector::Collector;
use crate::call::Calls;
use crate::console::ConsoleEvent;
use crate::effect::Effect;
use crate::files::slots::Slots;
use crate::hub::queue::{Job, Operations};
use crate::ids::SessionId;
use crate::outgoing::Outgoing;
use crate::presence::list::Presence;
use crate::presence::sighting::SightingNotes;
use crate::presence::sightings::Sightings;
use crate::session::state::Session;
use crate::session::table::Sessions;
use crate::settings::Settings;
use crate::time::Now;
use crate::transfers::table::Transfers;

/// A hub's rules and state, without I/O.
///
/// The driver gives it every [`Input`](crate::Input) with the time at which it happened, does every [`Effect`]
/// that [`Hub::poll_effect`] returns, in that order, and calls [`Hub::handle_timeout`] when the time
/// of [`Hub::poll_timeout`] has come. The same inputs lead to the same effects.
#[derive(Debug)]
pub struct Hub {
    /// The first to be dropped: calls that wait then wait no more.
    calls: Calls,
    settings: Settings,
    accounts: Accounts,
    admissions: Admissions,
    people: PeopleChanges,
    reads: Reads,
    uses: Uses,
    logins: Logins,
    presence: Presence,
    sightings: Sightings,
    slots: Slots,
    transfers: Transfers,
    operations: Operations<Job>,
    audit: Collector,
    /// The time of the last input.
    now: Now,
    out: Outgoing,
    closing: bool,
    /// Whether lines of a credentials file wait to be imported.
    importing: bool,
}

impl Hub {
    /// A hub. It reads accounts and tickets from its store when they are needed. A keep-alive outside the limits of
    /// the protocol is brought inside.
    pub fn new(mut settings: Settings, now: Now) -> Self {
        settings.keep_alive = settings.keep_alive.clamp(MIN_KEEP_ALIVE, MAX_KEEP_ALIVE);
        Hub {
            calls: Calls::default(),
            logins: Logins::new(Box::new(AttemptTables::new(&settings))),
            accounts: Accounts::with_room_for(settings.cached_accounts),
            admissions: Admissions::default(),
            people: PeopleChanges::default(),
            reads: Reads::default(),
            uses: Uses::default(),
            presence: Presence::starting_at(now.wall),
            sightings: Sightings::starting_at(now),
            slots: Slots::within(&settings.capacity),
            transfers: Transfers::default(),
            operations: Operations::new(),
            audit: Collector::default(),
            now,
            out: Outgoing::new(Sessions::new(settings.keep_alive, now.monotonic)),
            closing: false,
            importing: false,
            settings,
        }
    }

    /// The same hub with these attempts, which it may share with other hubs.
    #[must_use]
    pub fn with_attempts(mut self, attempts: Box<dyn Attempts>) -> Self {
        self.logins = Logins::new(attempts);
        self
    }

    /// The next thing to do, in the order in which they are to be done.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.out.effects.pop_front()
    }

    /// The next monotonic time at which [`Hub::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let session = self.out.sessions.next_deadline();
        // A hub that ends gives up nothing any more.
        let given_up = self.transfers.next_deadline().filter(|_| !self.closing);
        let deadlines = [session, given_up, self.audit.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Ends every session and gives up every transfer whose deadline has come, and has audit events
    /// written that are due.
    pub fn handle_timeout(&mut self, now: Now) {
        self.sightings.set_time(now);
        self.now = now;
        self.out.sessions.set_time(now.monotonic);
        while let Some(session) = self.out.sessions.pop_due(now.monotonic) {
            self.end_overdue(session);
        }
        self.give_up_transfers(now);
        self.write_audit();
    }

    /// The time between two signs of life of a session.
    pub fn keep_alive(&self) -> Duration {
        self.settings.keep_alive
    }

    /// The device as which a session is logged in.
    pub fn device_of(&self, session: SessionId) -> Option<&DeviceName> {
        self.out.sessions.get(session).and_then(Session::name)
    }

    /// The hub itself stood still for this time: its process was stopped, or got no processor. What
    /// it could not hear meanwhile is no silence of a session.
    pub fn stood_still(&mut self, time: Duration) {
        self.out.sessions.excuse(time);
        self.transfers.excuse(time);
    }

    /// The active devices in the order in which they joined.
    pub fn active(&self) -> impl Iterator<Item = ActiveDevice> {
        self.presence.iter()
    }

    /// The number of active devices.
    pub fn present(&self) -> usize {
        self.presence.len()
    }

    /// The monotonic time at which [`Hub::take_sightings`] has something for the store; `None` until
    /// [`Hub::sightings_written`] has told of what was taken last.
    pub fn sightings_due(&self) -> Option<Duration> {
        self.sightings.due()
    }

    /// Takes what the store shall write down of when devices were there, and that the hub runs.
    pub fn take_sightings(&mut self, now: Now) -> SightingNotes {
        self.sightings.set_time(now);
        self.sightings.take()
    }

    /// The store has written down what was taken, or it is to be taken once more.
    pub fn sightings_written(&mut self, is_written: bool) {
        self.sightings.written(is_written);
    }

    /// Whether nothing is left to wait for after [`Input::Close`](crate::Input::Close): no session, no store operation,
    /// no audit event, and no password that was shown without a session.
    pub fn is_drained(&self) -> bool {
        let is_idle = self.operations.is_empty()
            && self.reads.is_empty()
            && self.people.is_empty()
            && self.audit.is_empty()
            && !self.logins.checks_without_session();
        self.closing && self.out.sessions.is_empty() && is_idle
    }

    /// The time by the clock of this run, which nobody can set.
    fn clock(&self, now: Now) -> HubTime {
        let run = self.settings.run;
        HubTime { run, ms: 0 }.later(now.monotonic)
    }

    fn show(&mut self, event: ConsoleEvent) {
        self.out.show(event);
    }
}
