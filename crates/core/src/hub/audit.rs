//! The audit events of the hub: the authors of changes, and the events that no change goes with.

use std::net::IpAddr;

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::limits::LISTED_AT_ONCE;

use crate::access::attempts::{Failed, Penalty};
use crate::access::parked::Parked;
use crate::audit::collector::DroppedEvents;
use crate::audit::of_change::{attempted, has_event};
use crate::call::Call;
use crate::caller::{Caller, Person};
use crate::console::{Departure, Entrance, LoginFailure};
use crate::door::Door;
use crate::effect::Effect;
use crate::hub::Hub;
use crate::hub::queue::Job;
use crate::operator::account_change::AccountCommand;
use crate::operator::requests::AdminRequest;
use crate::store::audit::action::AuditAction;
use crate::store::audit::author::{Actor, ActorKind, Author};
use crate::store::audit::event::AuditEvent;
use crate::store::audit::filter::{AuditFilter, AuditPart};
use crate::store::audit::words::Outcome;
use crate::store::calls::{Change, Provenance, Query, StoreCall, StoreError};
use crate::time::Now;

impl Hub {
    /// The author of a call.
    pub(super) fn author<C>(&self, call: &Call<C>) -> Author {
        let session = call.session().and_then(|id| self.out.sessions.get(id));
        let address = call.caller.address().or(call.shown_from());
        Author {
            by: actor(&call.caller),
            door: self.door(&call.caller, call.door()),
            address: address.or(session.map(|session| session.address)),
        }
    }

    /// The door as it is recorded: a command without a running hub comes by none.
    fn door(&self, caller: &Caller, door: Door) -> Option<Door> {
        let is_offline = *caller == Caller::Operator && self.settings.is_offline;
        (!is_offline).then_some(door)
    }

    fn author_of_job(&self, job: &Job) -> Author {
        match job {
            Job::File(call) => self.author(call),
            Job::Account(call) => match &call.command {
                AccountCommand::Import(_)
                | AccountCommand::RemoveLogin { .. }
                | AccountCommand::FinishImport { .. } => Author::hub(Some("import")),
                _ => self.author(call),
            },
            Job::Key(call) => self.author(call),
            Job::Ticket(call) => self.author(call),
            Job::Redemption(call) => self.author(call),
        }
    }

    /// The job's call to the store; a change goes there with its author.
    pub(super) fn signed_call(&self, job: &Job, name: &DeviceName, now: Now) -> StoreCall {
        sign(job.store_call(name, now.wall), now, || {
            self.author_of_job(job)
        })
    }

    /// The call of somebody to the store; a change goes there with its author.
    pub(super) fn signed(&self, store_call: StoreCall, call: Option<&Call>, now: Now) -> StoreCall {
        match call {
            Some(call) => sign(store_call, now, || self.author(call)),
            None => store_call,
        }
    }

    /// Notes that a store has not made a job's change.
    pub(super) fn note_not_done(
        &mut self,
        job: &Job,
        name: &DeviceName,
        error: &StoreError,
        now: Now,
    ) {
        if let Some(change) = job.store_call(name, now.wall).change() {
            let author = self.author_of_job(job);
            self.note_refused_change(change, &author, error, now);
        }
    }

    pub(super) fn note_refused_change(
        &mut self,
        change: &Change,
        author: &Author,
        error: &StoreError,
        now: Now,
    ) {
        if let Some(event) = attempted(author, now.wall, change, error) {
            self.note(event);
        }
    }

    /// The number of audit events that have no record.
    pub fn dropped_events(&self) -> DroppedEvents {
        self.audit.dropped()
    }

    /// Takes an event in that no change goes with.
    pub(super) fn note(&mut self, event: AuditEvent) {
        self.audit.note(event, self.now);
    }

    /// Gives the store the events that are due.
    pub(super) fn write_audit(&mut self) {
        let now = self.now;
        if let Some(events) = self.audit.take_due(now) {
            let operation = self.operations.next_id();
            self.audit.run(operation, events.clone());
            self.out.push(Effect::Store {
                operation,
                call: StoreCall::Change(Change::Record(events)),
            });
        }
    }

    /// Lists audit records.
    pub(super) fn list_audit(
        &mut self,
        call: Call,
        filter: Box<AuditFilter>,
        part: AuditPart,
        limit: u32,
        now: Now,
    ) {
        let limit = limit.min(LISTED_AT_ONCE);
        let query = match part {
            AuditPart::Newest { after } => Query::Audit {
                filter: filter.clone(),
                after,
                limit,
            },
            AuditPart::Since(id) => Query::AuditSince {
                filter: filter.clone(),
                id,
                limit,
            },
        };
        let call = call.with(AdminRequest::ListAudit {
            filter,
            part,
            limit,
        });
        self.read_for(query, Parked::Admin(call), now);
    }

    fn event(&self, action: AuditAction, author: Author) -> AuditEvent {
        AuditEvent::new(self.now.wall, action, author)
    }

    /// Notes what somebody has done by this call.
    pub(super) fn note_done<C>(
        &mut self,
        call: &Call<C>,
        action: AuditAction,
        more: impl FnOnce(AuditEvent) -> AuditEvent,
    ) {
        let event = self.event(action, self.author(call));
        self.note(more(event));
    }

    /// Notes that the table did not permit a call.
    pub(super) fn note_forbidden<C>(&mut self, call: &Call<C>, about: &str) {
        let event = self.event(AuditAction::Forbidden, self.author(call));
        self.note(event.about(about).with_outcome(Outcome::Refused));
    }

    /// Notes that a device has opened a session.
    pub(super) fn note_login(&mut self, device: &DeviceName, address: IpAddr) {
        let event = self.event(AuditAction::Login, in_session(device, address));
        self.note(event.of_device(device.as_str()));
    }

    /// Notes that a device is on the list, or once more.
    pub(super) fn note_join(&mut self, device: &DeviceName, address: IpAddr, entrance: Entrance) {
        let event = self.event(AuditAction::Joined, in_session(device, address));
        let event = event.of_device(device.as_str());
        self.note(match entrance {
            Entrance::Alone => event,
            Entrance::TookOver => event.with_detail("took over from its older session"),
            Entrance::Beside { others } => {
                event.with_detail(format!("beside other sessions of it: {others}"))
            }
        });
    }

    /// Notes a login that failed, and by which door.
    pub(super) fn note_login_failed<C>(
        &mut self,
        call: &Call<C>,
        name: &str,
        failure: LoginFailure,
    ) {
        let outcome = match failure {
            LoginFailure::Busy | LoginFailure::NotRead => Outcome::Failed,
            _ => Outcome::Refused,
        };
        self.note_attempt(call, name, outcome, &failure.to_string());
        if failure == LoginFailure::NowLockedOut {
            let event = self.event(AuditAction::LockedOut, self.author(call));
            self.note(named(event, name));
        }
    }

    /// Notes an attempt to log in that came to nothing.
    pub(super) fn note_attempt<C>(
        &mut self,
        call: &Call<C>,
        name: &str,
        outcome: Outcome,
        why: &str,
    ) {
        let action = match name.starts_with(PERSON) {
            true => AuditAction::PageLoginFailed,
            false => AuditAction::LoginFailed,
        };
        let mut author = self.author(call);
        author.by = Actor::NOBODY;
        let event = named(self.event(action, author), name);
        self.note(event.with_detail(why).with_outcome(outcome));
    }

    /// Notes that a secret of the HTTP door admits nobody.
    pub(super) fn note_not_admitted<C>(&mut self, call: &Call<C>) {
        let event = self.event(AuditAction::PageLoginFailed, self.author(call));
        let why = "a token or session that admits nobody";
        self.note(event.with_detail(why).with_outcome(Outcome::Refused));
    }

    /// Notes the penalties that a wrong password has begun. Whoever showed it has caused them.
    pub(super) fn note_penalties(
        &mut self,
        name: &str,
        (door, address): (Option<Door>, IpAddr),
        failed: &Failed,
    ) {
        let of = |hub: &Hub, penalty: &Penalty| {
            let by = Actor::NOBODY;
            let address = Some(address);
            let event = hub.event(AuditAction::Penalised, Author { by, door, address });
            let (network, time) = (penalty.network.to_string(), penalty.time.as_secs_f64());
            event.about(network).with_detail(format!("for {time} s"))
        };
        if let Some(penalty) = &failed.of_name {
            let event = named(of(self, penalty), name);
            self.note(event);
        }
        if let Some(penalty) = &failed.of_network {
            let event = of(self, penalty);
            self.note(event);
        }
    }

    /// Notes the end of a session that was on the list.
    pub(super) fn note_departure(
        &mut self,
        device: &DeviceName,
        address: IpAddr,
        why: Departure,
        is_last: bool,
    ) {
        let by = match why {
            Departure::Goodbye
            | Departure::ConnectionClosed
            | Departure::Silent(_)
            | Departure::Unread => Actor::device(device),
            _ => Author::hub(None).by,
        };
        let author = Author {
            by,
            door: Some(Door::Session),
            address: Some(address),
        };
        let event = self
            .event(AuditAction::Left, author)
            .of_device(device.as_str());
        let why = match is_last {
            true => why.to_string(),
            false => format!("{why}; it stays active by another session"),
        };
        self.note(event.with_detail(why));
    }
}

fn in_session(device: &DeviceName, address: IpAddr) -> Author {
    Author {
        by: Actor::device(device),
        door: Some(Door::Session),
        address: Some(address),
    }
}

/// The begin of the names under which attempts at logins of people count.
const PERSON: &str = "login/";

/// The event, about a name that somebody tried: of a device, or of a person.
fn named(event: AuditEvent, name: &str) -> AuditEvent {
    match name.strip_prefix(PERSON) {
        Some(login) => event.about(format!("login {login}")),
        None => event.of_device(name),
    }
}

fn sign(call: StoreCall, now: Now, author: impl FnOnce() -> Author) -> StoreCall {
    match call {
        StoreCall::Change(change) if has_event(&change) => {
            let (author, at) = (author(), now.wall);
            StoreCall::Recorded(change, Box::new(Provenance { author, at }))
        }
        call => call,
    }
}

/// The caller of a call, as an author.
fn actor(caller: &Caller) -> Actor {
    let person = |kind, person: &Person| Actor {
        kind: match person.is_token {
            true => ActorKind::Token,
            false => kind,
        },
        name: Some(person.name.clone()),
    };
    match caller {
        Caller::Nobody => Actor::NOBODY,
        Caller::Device { name, .. } => Actor::device(name),
        Caller::Operator => Actor {
            kind: ActorKind::Operator,
            name: None,
        },
        Caller::Administrator(who) => person(ActorKind::Administrator, who),
        Caller::Viewer(who) => person(ActorKind::Viewer, who),
    }
}
