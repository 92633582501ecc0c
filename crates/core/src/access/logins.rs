//! The logins that are not decided yet: those that wait, and the password checks under way.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use fleetlink_proto::control::RequestId;
use fleetlink_proto::control::limits::{MAX_WAITING_LOGINS_PER_NAME, MAX_WAITING_PASSWORD_CHECKS};
use fleetlink_proto::{MAX_PASSWORD_BYTES, Password};

use crate::access::lockout::{Failure, Lockouts};
use crate::access::name_penalties::NamePenalties;
use crate::access::penalties::{Penalties, Penalty};
use crate::call::Call;
use crate::ids::{CheckId, SessionId};
use crate::settings::Settings;
use crate::store::calls::PasswordHash;

/// The logins that are not decided yet.
#[derive(Debug)]
pub(crate) struct Logins {
    lockouts: Lockouts,
    penalties: Penalties,
    name_penalties: NamePenalties,
    last: u64,
    checks: BTreeMap<CheckId, Check>,
    /// By name, in the order of arrival: those for which the name has no attempt left until one
    /// under way is decided.
    waiting: BTreeMap<Box<str>, VecDeque<Attempt>>,
}

/// A call of `login`.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) call: Call,
    /// From where: a guess counts also where its session is gone before it is decided.
    pub(crate) address: IpAddr,
    pub(crate) name: Box<str>,
    pub(crate) password: Password,
}

/// A password check under way.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) call: Call,
    pub(crate) address: IpAddr,
    pub(crate) name: Box<str>,
    /// What the password is checked against; `None` where it cannot be right.
    pub(crate) hash: Option<PasswordHash>,
    /// The password, while the name waits for an import.
    unsettled: Option<Password>,
}

/// What the hub does with a password that is tried now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its client network is under a penalty for this time.
    Penalised(Duration, Fault),
    /// Its name is locked out for this time.
    LockedOut(Duration),
    /// It is checked.
    Checked,
    /// It waits: the checks under way may use up the name's attempts.
    Waits,
}

/// The fault for which a client network is under a penalty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Wrong passwords of many names.
    ManyNames,
    /// Wrong passwords of one name.
    OneName,
}

impl Logins {
    pub(crate) fn new(settings: &Settings) -> Self {
        Logins {
            lockouts: Lockouts::new(settings.max_attempts),
            penalties: Penalties::new(settings.penalties),
            name_penalties: NamePenalties::new(settings.penalties, settings.max_attempts),
            last: 0,
            checks: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// What the hub does now with a password that came from this address under this name.
    pub(crate) fn standing(&self, address: IpAddr, name: &str, now: Duration) -> Standing {
        let network = self.penalties.refused_for(address, now);
        let of_name = self.name_penalties.refused_for(address, name, now);
        if let Some(left) = network {
            return Standing::Penalised(left.max(of_name.unwrap_or_default()), Fault::ManyNames);
        }
        if let Some(left) = of_name {
            return Standing::Penalised(left, Fault::OneName);
        }
        match self.lockouts.blocked_for(name, now) {
            Some(left) => Standing::LockedOut(left),
            None if self.lockouts.has_room(name, now) => Standing::Checked,
            None => Standing::Waits,
        }
    }

    /// For how long no password of this name is checked.
    pub(crate) fn locked_out_for(&self, name: &str, now: Duration) -> Option<Duration> {
        self.lockouts.blocked_for(name, now)
    }

    /// Whether a waiting login of this name is decided now: there is room for its check, or the name
    /// is locked out and all are refused.
    pub(crate) fn is_decidable(&self, name: &str, now: Duration) -> bool {
        self.lockouts.blocked_for(name, now).is_some() || self.lockouts.has_room(name, now)
    }

    /// Counts an attempt, and from then on has a check of it under way; back where too many are.
    pub(crate) fn begin(
        &mut self,
        attempt: Attempt,
        now: Duration,
    ) -> Result<CheckId, Box<Attempt>> {
        if self.checks.len() >= MAX_WAITING_PASSWORD_CHECKS {
            return Err(Box::new(attempt));
        }
        self.lockouts.begin(&attempt.name, now);
        self.last += 1;
        let id = CheckId(self.last);
        let check = Check {
            call: attempt.call,
            address: attempt.address,
            name: attempt.name,
            hash: None,
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
        check.hash = hash_of(&check.name);
        // No account can have such a password: the work is that for a wrong one.
        if password.expose().len() > MAX_PASSWORD_BYTES {
            (password, check.hash) = (Password::from(""), None);
        }
        Some((password, check.hash.clone()))
    }

    /// The session of a check, and its id of the call.
    pub(crate) fn caller(&self, id: CheckId) -> Option<(SessionId, &RequestId)> {
        self.checks.get(&id)?.call.origin()
    }

    /// A check is over.
    pub(crate) fn end(&mut self, id: CheckId) -> Option<Check> {
        self.checks.remove(&id)
    }

    /// The password was right.
    pub(crate) fn succeed(&mut self, check: &Check, now: Duration) {
        self.lockouts.succeed(&check.name, now);
        self.penalties.forgive(check.address, &check.name);
        self.name_penalties.forgive(check.address, &check.name);
    }

    /// The password was wrong: what it does to the name.
    pub(crate) fn fail(&mut self, check: &Check, now: Duration) -> Failure {
        self.lockouts.fail(&check.name, now)
    }

    /// The password was wrong: the penalties that begin for its client network, the one for this
    /// name first.
    pub(crate) fn penalise(
        &mut self,
        address: IpAddr,
        name: &str,
        now: Duration,
    ) -> (Option<Penalty>, Option<Penalty>) {
        (
            self.name_penalties.fail(address, name, now),
            self.penalties.fail(address, name, now),
        )
    }

    /// The operator wants the name to be tried again, from wherever.
    pub(crate) fn unlock(&mut self, name: &str, now: Duration) {
        self.lockouts.unlock(name, now);
        self.name_penalties.unlock(name);
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
        }
        if waiting.is_empty() {
            self.waiting.remove(name);
        }
    }

    /// Puts an attempt behind those of its name that wait; back where too many do.
    pub(crate) fn wait(&mut self, attempt: Attempt) -> Result<(), Box<Attempt>> {
        let waiting = self.waiting.entry(attempt.name.clone()).or_default();
        if waiting.len() >= MAX_WAITING_LOGINS_PER_NAME {
            return Err(Box::new(attempt));
        }
        waiting.push_back(attempt);
        Ok(())
    }

    /// Takes the attempt of this name that has waited longest.
    pub(crate) fn next_waiting(&mut self, name: &str) -> Option<Attempt> {
        let waiting = self.waiting.get_mut(name)?;
        let attempt = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(name);
        }
        attempt
    }
}
