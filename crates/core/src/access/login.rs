//! Logins: who waits for a password check, and what its outcome means.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use fleetlink_proto::control::limits::{
    BLOCK_TIME, MAX_LOGIN_NAME_BYTES, MAX_WAITING_LOGINS_PER_NAME, MAX_WAITING_PASSWORD_CHECKS,
};
use fleetlink_proto::control::{
    ErrorCode, Login, LoginProof, LoginReply, Reply, RequestId, RpcError,
};
use fleetlink_proto::{DeviceName, MAX_PASSWORD_BYTES, Password};

use crate::access::lockout::{Failure, Lockouts};
use crate::access::name_penalties::NamePenalties;
use crate::access::penalties::Penalties;
use crate::console::{ConsoleEvent, LoginFailure};
use crate::effect::Effect;
use crate::errors;
use crate::hub::Hub;
use crate::input::{CheckId, Possession, SessionId};
use crate::session::state::{Proof, Stage};
use crate::settings::Settings;
use crate::store::calls::PasswordHash;
use crate::time::Now;

/// The logins that are not decided yet.
#[derive(Debug)]
pub(crate) struct Logins {
    pub(crate) lockouts: Lockouts,
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
struct Attempt {
    session: SessionId,
    /// From where: a guess counts also where its session is gone before it is decided.
    address: IpAddr,
    id: RequestId,
    name: Box<str>,
    password: Password,
}

/// A password check under way.
#[derive(Debug)]
struct Check {
    session: SessionId,
    address: IpAddr,
    id: RequestId,
    name: Box<str>,
    /// What the password is checked against; `None` where it cannot be right.
    hash: Option<PasswordHash>,
    /// The password, while the name waits for an import.
    unsettled: Option<Password>,
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

    /// Why passwords of this name from this address are refused, and for how long.
    fn refused_for(
        &self,
        address: IpAddr,
        name: &str,
        now: Duration,
    ) -> Option<(&'static str, Duration)> {
        let source = self.penalties.refused_for(address, now);
        let name = self.name_penalties.refused_for(address, name, now);
        match (source, name) {
            (None, name) => name.map(|left| (errors::NAME_PENALISED, left)),
            (Some(source), name) => Some((errors::PENALISED, source.max(name.unwrap_or_default()))),
        }
    }

    /// The operator wants the name to be tried again, from wherever.
    pub(crate) fn unlock(&mut self, name: &str, now: Duration) {
        self.lockouts.unlock(name, now);
        self.name_penalties.unlock(name);
    }

    /// Forgets a waiting login of a session that is gone. A check under way goes on: it counts.
    pub(crate) fn withdraw(&mut self, name: &str, session: SessionId) {
        if let Some(waiting) = self.waiting.get_mut(name) {
            waiting.retain(|attempt| attempt.session != session);
            if waiting.is_empty() {
                self.waiting.remove(name);
            }
        }
    }

    fn is_full(&self) -> bool {
        self.checks.len() >= MAX_WAITING_PASSWORD_CHECKS
    }

    /// Puts an attempt behind those of its name that wait; back where too many do.
    fn wait(&mut self, attempt: Attempt) -> Result<(), Attempt> {
        let waiting = self.waiting.entry(attempt.name.clone()).or_default();
        if waiting.len() >= MAX_WAITING_LOGINS_PER_NAME {
            return Err(attempt);
        }
        waiting.push_back(attempt);
        Ok(())
    }

    fn next_waiting(&mut self, name: &str) -> Option<Attempt> {
        let waiting = self.waiting.get_mut(name)?;
        let attempt = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(name);
        }
        attempt
    }
}

impl Hub {
    pub(crate) fn login(
        &mut self,
        session: SessionId,
        id: RequestId,
        login: Login,
        possession: Possession,
        now: Now,
    ) {
        let name: Box<str> = cut(&login.name).into();
        let address = match self.begin_deciding(session, &name, now) {
            Ok(address) => address,
            Err(error) => return self.refuse(session, id, error),
        };
        let password = match login.proof {
            LoginProof::Password(password) => password,
            LoginProof::Key { key, .. } => {
                return self.login_by_key(session, id, &name, key, possession, now);
            }
        };
        let attempt = Attempt {
            session,
            address,
            id,
            name,
            password,
        };
        let time = now.monotonic;
        let refused = self.logins.refused_for(address, &attempt.name, time);
        let lockouts = &self.logins.lockouts;
        if let Some(refused) = refused {
            self.refuse_penalised(attempt, refused, now);
        } else if lockouts.blocked_for(&attempt.name, now.monotonic).is_some() {
            self.refuse_blocked(attempt, now);
        } else if lockouts.has_room(&attempt.name, now.monotonic) {
            self.check(attempt, now);
        } else if let Err(attempt) = self.logins.wait(attempt) {
            self.refuse_busy(attempt, errors::too_many_logins(), now);
        }
    }

    pub(crate) fn password_checked(&mut self, check: CheckId, matches: bool, now: Now) {
        let Some(check) = self.logins.checks.remove(&check) else {
            return;
        };
        let name = check.name.clone();
        // The account may be gone by now, or its password another one.
        let account = self.accounts.find(&name);
        let hash = account.and_then(|account| account.password_hash.as_ref());
        match account.zip(hash) {
            Some((account, hash)) if matches && Some(hash) == check.hash.as_ref() => {
                let device = account.name.clone();
                let proof = Proof::Password(hash.clone());
                self.logins.lockouts.succeed(&name, now.monotonic);
                self.logins.penalties.forgive(check.address, &name);
                self.logins.name_penalties.forgive(check.address, &name);
                self.accept(check.session, check.id, device, proof, now);
            }
            _ => self.count_failure(check, now),
        }
        self.check_waiting(&name, now);
    }

    /// Begins the checks of waiting logins for which there is room, or refuses all: the name may be
    /// blocked by now. So may any of their sources.
    pub(crate) fn check_waiting(&mut self, name: &str, now: Now) {
        let time = now.monotonic;
        while self.logins.lockouts.blocked_for(name, time).is_some()
            || self.logins.lockouts.has_room(name, time)
        {
            let Some(attempt) = self.logins.next_waiting(name) else {
                return;
            };
            if let Some(refused) = self.logins.refused_for(attempt.address, name, time) {
                self.refuse_penalised(attempt, refused, now);
            } else if self.logins.lockouts.blocked_for(name, time).is_some() {
                self.refuse_blocked(attempt, now);
            } else {
                self.check(attempt, now);
            }
        }
    }

    /// The session tries to log in under this name, if it is its turn; from where.
    pub(crate) fn begin_deciding(
        &mut self,
        id: SessionId,
        name: &str,
        now: Now,
    ) -> Result<IpAddr, RpcError> {
        let session = self.sessions.get_mut(&id);
        let session = session.map(|session| (session.address, &mut session.stage));
        let Some((address, Stage::Greeted { tried, deciding })) = session else {
            return Err(errors::out_of_order("this session is logged in already"));
        };
        if deciding.is_some() {
            let message = "a login of this session is not decided yet";
            return Err(errors::out_of_order(message));
        }
        *tried = now.monotonic;
        *deciding = Some(name.into());
        self.rearm(id);
        Ok(address)
    }

    /// Counts an attempt and has its password checked. A name without an account, and a password
    /// that no account can have, cost the same work.
    fn check(&mut self, attempt: Attempt, now: Now) {
        if self.logins.is_full() {
            let error = errors::busy("too many logins are being checked; try again later");
            return self.refuse_busy(attempt, error, now);
        }
        let Attempt {
            session,
            address,
            id,
            name,
            password,
        } = attempt;
        self.logins.lockouts.begin(&name, now.monotonic);
        self.logins.last += 1;
        let check = CheckId(self.logins.last);
        let under_way = Check {
            session,
            address,
            id,
            name: name.clone(),
            hash: None,
            unsettled: Some(password),
        };
        self.logins.checks.insert(check, under_way);
        if self.importing {
            self.effects.push_back(Effect::SettleLogin { check, name });
        } else {
            self.login_settled(check);
        }
    }

    /// Has the password checked against what the account has now.
    pub(crate) fn login_settled(&mut self, id: CheckId) {
        let Some(check) = self.logins.checks.get_mut(&id) else {
            return;
        };
        let Some(mut password) = check.unsettled.take() else {
            return;
        };
        // An account without a password is to a password as one that is not there.
        let account = self.accounts.find(&check.name);
        check.hash = account.and_then(|account| account.password_hash.clone());
        if password.expose().len() > MAX_PASSWORD_BYTES {
            (password, check.hash) = (Password::from(""), None);
        }
        let hash = check.hash.clone();
        self.effects.push_back(Effect::CheckPassword {
            check: id,
            password,
            hash,
        });
    }

    pub(crate) fn accept(
        &mut self,
        id: SessionId,
        call: RequestId,
        name: DeviceName,
        proof: Proof,
        now: Now,
    ) {
        let most = self.settings.capacity.sessions_per_device;
        let is_full = self.census.of_device(&name) >= most;
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if is_full {
            let why = (
                errors::too_many_sessions(&name, most),
                LoginFailure::TooManySessions,
            );
            return self.fail_login(id, call, name.as_str(), why, now);
        }
        self.census.logged_in(name.clone());
        session.stage = Stage::Attached { name: name.clone() };
        session.proof = Some(proof);
        let address = session.address;
        self.unknown_sessions.release(address);
        self.rearm(id);
        let reply = LoginReply {
            name: name.clone(),
            key: self.accounts.key(&name).map(|enrolled| enrolled.key),
        };
        self.answer(id, call, Ok(Reply::Login(reply)));
        self.show(ConsoleEvent::LoggedIn {
            device: name,
            address,
        });
    }

    fn count_failure(&mut self, check: Check, now: Now) {
        let (error, failure) = match self.logins.lockouts.fail(&check.name, now.monotonic) {
            Failure::Counted => (
                RpcError::new(ErrorCode::WrongPassword, errors::WRONG_PASSWORD),
                LoginFailure::WrongPassword,
            ),
            Failure::Blocked => (
                RpcError::new(ErrorCode::NowBlocked, errors::NOW_BLOCKED).retry_after(BLOCK_TIME),
                LoginFailure::NowBlocked,
            ),
        };
        let Check {
            session,
            address,
            id,
            name,
            ..
        } = check;
        self.fail_login(session, id, &name, (error, failure), now);
        let time = now.monotonic;
        if let Some(penalty) = self.logins.name_penalties.fail(address, &name, time) {
            self.show(ConsoleEvent::NamePenalised {
                source: penalty.source,
                name: name.clone().into(),
                time: penalty.time,
            });
        }
        if let Some(penalty) = self.logins.penalties.fail(address, &name, time) {
            self.show(ConsoleEvent::Penalised {
                source: penalty.source,
                time: penalty.time,
            });
        }
    }

    /// Refuses a password of a source under a penalty. There is no line of it for the operator, who
    /// was told of the penalty: a thousand refusals a second would bury the rest.
    fn refuse_penalised(
        &mut self,
        attempt: Attempt,
        (message, left): (&'static str, Duration),
        now: Now,
    ) {
        let error = RpcError::new(ErrorCode::Penalised, message).retry_after(left);
        self.answer_failure(attempt.session, attempt.id, error, now);
    }

    fn refuse_blocked(&mut self, attempt: Attempt, now: Now) {
        let lockouts = &self.logins.lockouts;
        let left = lockouts.blocked_for(&attempt.name, now.monotonic);
        let error = RpcError::new(ErrorCode::Blocked, errors::BLOCKED)
            .retry_after(left.unwrap_or_default());
        let why = (error, LoginFailure::Blocked);
        self.fail_login(attempt.session, attempt.id, &attempt.name, why, now);
    }

    fn refuse_busy(&mut self, attempt: Attempt, error: RpcError, now: Now) {
        let why = (error, LoginFailure::Busy);
        self.fail_login(attempt.session, attempt.id, &attempt.name, why, now);
    }

    /// Answers a login that failed and tells the operator; the session may try again.
    pub(crate) fn fail_login(
        &mut self,
        id: SessionId,
        call: RequestId,
        name: &str,
        (error, failure): (RpcError, LoginFailure),
        now: Now,
    ) {
        let address = self.answer_failure(id, call, error, now);
        self.show(ConsoleEvent::LoginFailed {
            name: name.to_owned(),
            address,
            failure,
        });
    }

    /// Answers a login that failed; the session's address, if it is still there.
    fn answer_failure(
        &mut self,
        id: SessionId,
        call: RequestId,
        error: RpcError,
        now: Now,
    ) -> Option<IpAddr> {
        let address = self.end_deciding(id, now);
        self.refuse(id, call, error);
        address
    }

    /// The session may try again; where it comes from, unless it is gone.
    pub(crate) fn end_deciding(&mut self, id: SessionId, now: Now) -> Option<IpAddr> {
        let session = self.sessions.get_mut(&id)?;
        session.stage = Stage::Greeted {
            tried: now.monotonic,
            deciding: None,
        };
        let address = session.address;
        self.rearm(id);
        Some(address)
    }
}

/// The name as far as the hub looks at it. What is cut was too long for a device's name anyway.
fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(MAX_LOGIN_NAME_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = format!("{}é", "x".repeat(MAX_LOGIN_NAME_BYTES - 1));
        assert_eq!(cut(&long).len(), MAX_LOGIN_NAME_BYTES - 1);
    }
}
