//! Logins of people to the page, by a password: attempts like those of devices, with the same lock-outs
//! and penalties, under a name that no device can have.

use fleetlink_proto::access::{AccessHash, AccessName};

use crate::access::attempts::{Fault, UnderPenalty};
use crate::access::authorisation::Action;
use crate::access::logins::{Attempt, Check, PersonAttempt};
use crate::access::parked::Parked;
use crate::access::shown_password::ShownPassword;
use crate::call::Call;
use crate::console::{ConsoleEvent, PeopleEvent};
use crate::door::Door;
use crate::hub::Hub;
use crate::hub::login::cut;
use crate::hub::routing::Context;
use crate::ids::CallId;
use crate::operator::people::PeopleCommand;
use crate::operator::requests::{AdminReply, LockOutStatus, PenaltyStatus};
use crate::store::admission::WebLogin;
use crate::store::audit::action::AuditAction;
use crate::store::calls::Query;
use crate::time::Now;

impl Hub {
    /// A person shows the password of a login.
    pub(super) fn login_shown(
        &mut self,
        (call, door): (CallId, Door),
        shown: ShownPassword,
        session: AccessHash,
        now: Now,
    ) {
        let address = shown.address;
        let asked = ((shown, session), Action::LogInToPage);
        self.shown((call, door), address, asked, now, Hub::page_password_shown);
    }

    fn page_password_shown(
        &mut self,
        call: Call<(ShownPassword, AccessHash)>,
        Context { now, .. }: Context,
    ) {
        let ((shown, session), call) = call.split();
        let attempt = Attempt {
            call,
            address: shown.address,
            name: attempted_name(&shown.name),
            password: shown.password,
            person: Some(Box::new(PersonAttempt {
                login: None,
                session,
            })),
        };
        let is_shut_out = self.logins.is_shut_out(attempt.address, &attempt.name, now);
        match shown.name.parse::<AccessName>() {
            Ok(name) if !is_shut_out => {
                let attempt = Parked::Shown(Box::new(attempt));
                self.read_for(Query::WebLogin { name }, attempt, now);
            }
            _ => self.attempt(attempt, now),
        }
    }

    /// Goes on with an attempt, for which the login has been read.
    pub(super) fn login_read(&mut self, mut attempt: Attempt, found: Option<WebLogin>, now: Now) {
        if let Some(person) = &mut attempt.person {
            person.login = found;
        }
        self.attempt(attempt, now);
    }

    /// A password was checked. The store opens the session only if the login still has it.
    pub(super) fn page_password_checked(&mut self, mut check: Check, matches: bool, now: Now) {
        let person = check.person.take().map(|person| *person);
        match person {
            Some(PersonAttempt {
                login: Some(login),
                session,
            }) if matches => {
                self.logins.succeed(&check, now);
                let open = PeopleCommand::OpenSession {
                    login: login.name,
                    password_hash: login.password_hash,
                    session,
                };
                self.change_people(check.call.with(open), now);
            }
            _ => self.count_failure(check, now),
        }
    }
}

impl Hub {
    /// The names that are locked out, with those of logins.
    pub(super) fn lock_out_statuses(&self, now: Now) -> Vec<LockOutStatus> {
        let locked_out = self.logins.locked_out(now).into_iter();
        locked_out
            .map(|(name, left)| LockOutStatus { name, left })
            .collect()
    }

    /// The client networks that are under a penalty.
    pub(super) fn penalty_statuses(&self, now: Now) -> Vec<PenaltyStatus> {
        let status = |penalty: UnderPenalty| PenaltyStatus {
            source: penalty.source,
            is_of_one_name: penalty.fault == Fault::OneName,
            left: penalty.left,
        };
        self.logins.penalties(now).into_iter().map(status).collect()
    }

    /// Ends the lock-out of a login. It need not be one: whoever guesses names fills the list too.
    pub(super) fn unlock_login(&mut self, call: Call, name: &AccessName, now: Now) {
        let subject = format!("login {name}");
        self.note_done(&call, AuditAction::Unlocked, |event| event.about(subject));
        let name = attempted_name(name.as_str());
        self.logins.unlock(&name, now);
        call.report(Ok(AdminReply::Done), &mut self.out);
        self.check_waiting(&name, now);
        self.show(ConsoleEvent::People(PeopleEvent::Unlocked { name }));
    }
}

/// The name under which attempts at a login count. No attempt at a device counts under such a name.
fn attempted_name(name: &str) -> Box<str> {
    format!("login/{}", cut(name).to_ascii_lowercase()).into()
}
