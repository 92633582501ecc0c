//! Admission at the HTTP door: by a token, by a session of the page, by a one-time link. Who is
//! admitted makes calls like anybody else, and each call asks again whether the secret still admits.

use std::net::IpAddr;

use fleetlink_proto::access::AccessHash;
use fleetlink_proto::control::{ErrorCode, RpcError};

use crate::access::authorisation::Action;
use crate::access::parked::Parked;
use crate::access::shown_password::{Purpose, ShownSecret};
use crate::call::Call;
use crate::caller::{Caller, Person, Proof};
use crate::console::{ConsoleEvent, PeopleEvent};
use crate::door::Door;
use crate::errors;
use crate::hub::Hub;
use crate::hub::queue::Job;
use crate::hub::routing::Context;
use crate::ids::CallId;
use crate::operator::people::PeopleCommand;
use crate::store::admission::{Admission, Token};
use crate::store::calls::{Query, StoreError, StoreReply};
use crate::time::Now;

impl Hub {
    /// Somebody shows a secret of the HTTP door.
    pub(super) fn secret_shown(
        &mut self,
        (call, door): (CallId, Door),
        shown: ShownSecret,
        now: Now,
    ) {
        let address = shown.address;
        let asked = (shown, Action::LogInToPage);
        self.shown((call, door), address, asked, now, Hub::admit_shown);
    }

    fn admit_shown(&mut self, call: Call<ShownSecret>, Context { now, .. }: Context) {
        let secret = call.command.secret;
        match call.command.purpose {
            Purpose::Admit if self.admissions.fresh(&secret, now).is_some() => {
                self.admit(call, now);
            }
            Purpose::Admit => {
                self.read_for(Query::Admission { secret }, Parked::Secret(call), now);
            }
            Purpose::UseLink { session } => {
                let link = secret;
                self.change_people(call.with(PeopleCommand::UseLink { link, session }), now);
            }
            Purpose::EndSession => {
                let end = PeopleCommand::EndSession { session: secret };
                self.change_people(call.with(end), now);
            }
        }
    }

    /// Admits the holder of a secret that has been read, or refuses.
    pub(super) fn admit(&mut self, call: Call<ShownSecret>, now: Now) {
        let (shown, call) = call.split();
        // This is its last use, from which its end is told.
        self.admissions.use_now(&shown.secret, now);
        match self.admitted(&shown, now) {
            Some(caller) => {
                self.note_uses(now);
                if let Some(device) = caller.device() {
                    self.sightings.seen(device);
                }
                call.identify(caller, &mut self.out);
            }
            None => {
                self.note_not_admitted(&call);
                call.refuse(not_admitted(), &mut self.out);
            }
        }
    }

    /// The caller as whom this secret admits, as far as it is known.
    fn admitted(&self, shown: &ShownSecret, now: Now) -> Option<Caller> {
        let admission = self.admissions.valid(&shown.secret, now.wall)?;
        Some(caller(shown.secret, admission, Some(shown.address)))
    }

    /// Whether a caller at the HTTP door still has what admitted it, by what has been read.
    pub(super) fn is_admitted(&self, caller: &Caller, now: Now) -> bool {
        let secret = caller.secret();
        secret.is_none_or(|secret| self.admissions.valid(secret, now.wall).is_some())
    }

    /// Whether a caller without a session still is who it was found to be at its door, by what has
    /// been read.
    pub(super) fn is_still_known(&self, caller: &Caller, now: Now) -> bool {
        self.is_admitted(caller, now) && self.accounts.is_present(caller)
    }

    /// The question that has to be asked before a call of this caller goes on.
    pub(super) fn admission_to_read(&self, caller: &Caller, now: Now) -> Option<Query> {
        let secret = *caller.secret()?;
        let is_known = self.admissions.fresh(&secret, now).is_some();
        (!is_known).then_some(Query::Admission { secret })
    }

    /// Has the store told of the last uses, unless it is being told.
    fn note_uses(&mut self, now: Now) {
        if self.people.is_noting() {
            return;
        }
        let uses = self.admissions.take_to_note();
        if !uses.is_empty() {
            self.begin_people_change(PeopleCommand::NoteUses(uses), None, now);
        }
    }

    /// The store has opened a session of the page: its holder is admitted.
    pub(super) fn page_session_opened(
        &mut self,
        call: Call,
        session: AccessHash,
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) {
        let admission = match result {
            Ok(StoreReply::Admission(Some(admission))) => admission,
            Ok(_) => return call.refuse(errors::internal(), &mut self.out),
            Err(StoreError::NotFound) => return call.refuse(not_admitted(), &mut self.out),
            Err(error) => return call.refuse(errors::of_read(&error), &mut self.out),
        };
        let opened = caller(session, &admission, call.shown_from());
        if let Some(address) = call.shown_from() {
            self.show(ConsoleEvent::People(PeopleEvent::LoggedIn {
                name: admission.name().into(),
                address,
            }));
        }
        self.admissions.put(session, Some(admission), now);
        call.identify(opened, &mut self.out);
    }

    /// Ends the waiting calls of those whom nothing admits any more, under whatever name they wait.
    pub(super) fn withdraw_revoked(&mut self) {
        let admissions = &self.admissions;
        let is_gone = |job: &Job| {
            let secret = job.caller().secret();
            secret.is_some_and(|secret| !admissions.knows(secret))
        };
        for job in self.operations.withdraw_everywhere(is_gone) {
            self.end_withdrawn(job);
        }
    }
}

/// The caller as whom a secret admits.
fn caller(secret: AccessHash, admission: &Admission, address: Option<IpAddr>) -> Caller {
    use fleetlink_proto::access::{Role, TokenRole};
    let role = match admission {
        Admission::Token(Token {
            role: TokenRole::Device(name),
            ..
        }) => {
            return Caller::Device {
                name: name.clone(),
                proof: Proof::Token(secret),
                address,
            };
        }
        Admission::Token(Token {
            role: TokenRole::Person(role),
            ..
        }) => *role,
        Admission::Session(session) => session.role,
    };
    let person = Box::new(Person {
        name: admission.name().into(),
        secret,
        is_token: matches!(admission, Admission::Token(_)),
        address,
        expires: admission.expires(),
    });
    match role {
        Role::Viewer => Caller::Viewer(person),
        Role::Administrator => Caller::Administrator(person),
    }
}

/// The error for a secret that admits nobody: it does not say why not.
pub(super) fn not_admitted() -> RpcError {
    let message = "the hub does not know this secret: it was never given out, is used up, revoked or \
                   too old";
    RpcError::new(ErrorCode::KeyRefused, message)
}
