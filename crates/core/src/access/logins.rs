//! The logins that are not decided yet: those that wait, and the password checks under way.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use fleetlink_proto::access::AccessHash;
use fleetlink_proto::control::RequestId;
use fleetlink_proto::control::limits::{MAX_WAITING_LOGINS_PER_NAME, MAX_WAITING_PASSWORD_CHECKS};
use fleetlink_proto::{MAX_PASSWORD_BYTES, Password};

use crate::access::attempts::{AttemptLimits, Attempts, Failed, Standing, UnderPenalty};
use crate::call::Call;
use crate::ids::{CheckId, SessionId};
use crate::store::admission::WebLogin;
use crate::store::calls::PasswordHash;
use crate::time::Now;

/// The logins that are not decided yet.
#[derive(Debug)]
pub(crate) struct Logins {
    attempts: Box<dyn Attempts>,
    last: u64,
    checks: BTreeMap<CheckId, Check>,
    /// By name, in the order of arrival: those for which the name has no attempt left until one
    /// under way is decided.
    waiting: BTreeMap<Box<str>, VecDeque<Attempt>>,
    /// The number of checks and waiting attempts for each folded name.
    folded: BTreeMap<String, usize>,
}

/// An attempt to log in by password: a call of `login`, or a password shown without a session.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) call: Call,
    /// From where: a guess counts also where its session is gone before it is decided.
    pub(crate) address: IpAddr,
    pub(crate) name: Box<str>,
    pub(crate) password: Password,
    /// The attempt of a person, where the name is that of a person's login and not a device's.
    pub(crate) person: Option<Box<PersonAttempt>>,
}

/// A person's attempt to log in to the page.
#[derive(Debug)]
pub(crate) struct PersonAttempt {
    /// The login of this name, once it has been read.
    pub(crate) login: Option<WebLogin>,
    /// The hash of the new session's secret.
    pub(crate) session: AccessHash,
}

/// A password check under way.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) call: Call,
    pub(crate) address: IpAddr,
    pub(crate) name: Box<str>,
    /// The hash to check the password against; `None` if the password cannot be right.
    pub(crate) hash: Option<PasswordHash>,
    pub(crate) person: Option<Box<PersonAttempt>>,
    /// The password, while the name waits for an import.
    unsettled: Option<Password>,
}

impl Logins {
    pub(crate) fn new(attempts: Box<dyn Attempts>) -> Self {
        Logins {
            attempts,
            last: 0,
            checks: BTreeMap::new(),
            waiting: BTreeMap::new(),
            folded: BTreeMap::new(),
        }
    }

    /// Other limits hold for the attempts that follow.
    pub(crate) fn set_limits(&mut self, limits: AttemptLimits) {
        self.attempts.set_limits(limits);
    }

    /// The decision about a password that came from this address under this name now.
    pub(crate) fn standing(&self, address: IpAddr, name: &str, now: Now) -> Standing {
        self.attempts.standing(address, name, now)
    }

    /// Whether every password that comes from this address under this name is refused now.
    pub(crate) fn is_shut_out(&self, address: IpAddr, name: &str, now: Now) -> bool {
        let standing = self.standing(address, name, now);
        matches!(standing, Standing::Penalised(..) | Standing::LockedOut(_))
    }

    /// The names that are locked out.
    pub(crate) fn locked_out(&self, now: Now) -> BTreeMap<Box<str>, Duration> {
        let locked_out = self.attempts.locked_out(now).into_iter();
        locked_out.map(|name| (name.name, name.left)).collect()
    }

    /// The client networks that are under a penalty.
    pub(crate) fn penalties(&self, now: Now) -> Vec<UnderPenalty> {
        self.attempts.penalties(now)
    }

    /// Counts an attempt, and from then on has a check of it under way; back where too many are.
    pub(crate) fn begin(&mut self, attempt: Attempt, now: Now) -> Result<CheckId, Box<Attempt>> {
        if self.checks.len() >= MAX_WAITING_PASSWORD_CHECKS {
            return Err(Box::new(attempt));
        }
        self.attempts.begin(&attempt.name, now);
        self.count(&attempt.name);
        self.last += 1;
        let id = CheckId(self.last);
        let check = Check {
            call: attempt.call,
            address: attempt.address,
            name: attempt.name,
            hash: None,
            person: attempt.person,
            unsettled: Some(attempt.password),
        };
        self.checks.insert(id, check);
        Ok(id)
    }

    /// The name of a check that waits for an import no longer, with its password. What the password
    /// is checked against, `hash_of` says.
    pub(crate) fn settle(
        &mut self,
        id: CheckId,
        hash_of: impl FnOnce(&str) -> Option<PasswordHash>,
    ) -> Option<(Password, Option<PasswordHash>)> {
        let check = self.checks.get_mut(&id)?;
        let mut password = check.unsettled.take()?;
        check.hash = match &check.person {
            Some(person) => person
                .login
                .as_ref()
                .map(|login| login.password_hash.clone()),
            None => hash_of(&check.name),
        };
        // No account can have such a password: the work is that for a wrong one.
        if password.expose().len() > MAX_PASSWORD_BYTES {
            (password, check.hash) = (Password::from(""), None);
        }
        Some((password, check.hash.clone()))
    }

    /// Whether a check is of a password that was shown without a session.
    pub(crate) fn is_without_session(&self, id: CheckId) -> bool {
        let check = self.checks.get(&id);
        check.is_some_and(|check| check.call.shown_from().is_some())
    }

    /// The session of a check, and its id of the call.
    pub(crate) fn caller(&self, id: CheckId) -> Option<(SessionId, &RequestId)> {
        self.checks.get(&id)?.call.origin()
    }

    /// A check is over.
    pub(crate) fn end(&mut self, id: CheckId) -> Option<Check> {
        let check = self.checks.remove(&id)?;
        self.discount(&check.name);
        Some(check)
    }

    /// Whether a login of a name that is folded so is not decided.
    pub(crate) fn concern(&self, folded: &str) -> bool {
        self.folded.contains_key(folded)
    }

    fn count(&mut self, name: &str) {
        *self.folded.entry(name.to_ascii_lowercase()).or_default() += 1;
    }

    fn discount(&mut self, name: &str) {
        let folded = name.to_ascii_lowercase();
        if let Some(count) = self.folded.get_mut(&folded) {
            *count -= 1;
            if *count == 0 {
                self.folded.remove(&folded);
            }
        }
    }

    /// The password was right.
    pub(crate) fn succeed(&mut self, check: &Check, now: Now) {
        self.attempts.succeed(check.address, &check.name, now);
    }

    /// The password was wrong.
    pub(crate) fn fail(&mut self, check: &Check, now: Now) -> Failed {
        self.attempts.fail(check.address, &check.name, now)
    }

    /// The operator wants the name to be tried again, from wherever.
    pub(crate) fn unlock(&mut self, name: &str, now: Now) {
        self.attempts.unlock(name, now);
    }

    /// Forgets a waiting login of a session that is gone. A check under way goes on: it counts.
    pub(crate) fn withdraw(&mut self, name: &str, session: SessionId) {
        let Some(waiting) = self.waiting.get_mut(name) else {
            return;
        };
        let is_gone = |attempt: &Attempt| attempt.call.session() == Some(session);
        if let Some(place) = waiting.iter().position(is_gone)
            && let Some(attempt) = waiting.remove(place)
        {
            attempt.call.withdraw();
            if waiting.is_empty() {
                self.waiting.remove(name);
            }
            self.discount(name);
        }
    }

    /// Puts an attempt behind those of its name that wait; back where too many do.
    pub(crate) fn wait(&mut self, attempt: Attempt) -> Result<(), Box<Attempt>> {
        let waiting = self.waiting.entry(attempt.name.clone()).or_default();
        if waiting.len() >= MAX_WAITING_LOGINS_PER_NAME {
            return Err(Box::new(attempt));
        }
        let name = attempt.name.clone();
        waiting.push_back(attempt);
        self.count(&name);
        Ok(())
    }

    /// Whether a password is checked that was shown without a session.
    pub(crate) fn checks_without_session(&self) -> bool {
        let mut checks = self.checks.values();
        checks.any(|check| check.call.session().is_none())
    }

    /// Takes the waiting attempts that have no session.
    pub(crate) fn take_waiting_without_session(&mut self) -> Vec<Attempt> {
        let mut taken = Vec::new();
        self.waiting.retain(|_, waiting| {
            let (with, without) = std::mem::take(waiting)
                .into_iter()
                .partition(|attempt| attempt.call.session().is_some());
            *waiting = with;
            taken.extend::<VecDeque<_>>(without);
            !waiting.is_empty()
        });
        for attempt in &taken {
            self.discount(&attempt.name);
        }
        taken
    }

    /// Takes the attempt of this name that has waited longest, if it waits no longer, and what
    /// becomes of it.
    pub(crate) fn next_decidable(&mut self, name: &str, now: Now) -> Option<(Attempt, Standing)> {
        let waiting = self.waiting.get_mut(name)?;
        let standing = self.attempts.standing(waiting.front()?.address, name, now);
        if standing == Standing::Waits {
            return None;
        }
        let attempt = waiting.pop_front()?;
        if waiting.is_empty() {
            self.waiting.remove(name);
        }
        self.discount(name);
        Some((attempt, standing))
    }
}
