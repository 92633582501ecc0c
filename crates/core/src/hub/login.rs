//! Logins: who waits for a password check, and what its outcome means.

use std::net::IpAddr;
use std::time::Duration;

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::limits::{LOCK_OUT_TIME, MAX_LOGIN_NAME_BYTES};
use fleetlink_proto::control::{ErrorCode, Login, LoginProof, LoginReply, Reply, RpcError};

use crate::access::accounts::NotRead;
use crate::access::attempts::{Fault, LockoutEffect, Standing};
use crate::access::logins::{Attempt, Check};
use crate::access::parked::{NamedLogin, Parked};
use crate::access::possession::Possession;
use crate::call::Call;
use crate::caller::{Caller, Proof};
use crate::console::{ConsoleEvent, LoginFailure};
use crate::effect::Effect;
use crate::errors;
use crate::hub::Hub;
use crate::hub::routing::Context;
use crate::ids::CheckId;
use crate::session::state::Stage;
use crate::store::audit::words::Outcome;
use crate::time::Now;

impl Hub {
    pub(super) fn login(&mut self, call: Call<Login>, Context { now, possession }: Context) {
        let (login, call) = call.split();
        let name = attempted_name(&login.name);
        let is_valid = self.use_nonce_up(&call, &login.proof, now);
        let is_stale = !is_valid && possession != Possession::NoChannel;
        let address = match self.begin_deciding(&call, &name, now) {
            Ok(address) => address,
            Err(error) => return call.refuse(error, &mut self.out),
        };
        // What is refused whatever the account is costs no read: neither time, nor a place in memory, nor
        // a hint at whose account is there.
        let needs_account = match login.proof {
            LoginProof::Password(_) => !self.logins.is_shut_out(address, &name, now),
            LoginProof::Key { .. } => !is_stale && possession == Possession::Proven,
        };
        let device = name.parse::<DeviceName>().ok().filter(|_| needs_account);
        let call = call.with(NamedLogin {
            login,
            name,
            address,
            possession,
            is_stale,
        });
        match device {
            Some(name) if !self.accounts.is_read(&name) => {
                self.read_account(NotRead(name), Parked::Login(call), now);
            }
            _ => self.decide_login(call, now),
        }
    }

    /// Decides about a login whose account has been read, or is of no concern.
    pub(super) fn decide_login(&mut self, call: Call<NamedLogin>, now: Now) {
        let (login, call) = call.split();
        let NamedLogin {
            login,
            name,
            address,
            possession,
            is_stale,
        } = login;
        let password = match login.proof {
            LoginProof::Password(password) => password,
            LoginProof::Key { .. } if is_stale => {
                self.refuse_attempt(call, errors::stale_nonce(), now);
                return;
            }
            LoginProof::Key { key, .. } => {
                return self.login_by_key(call, &name, key, possession, now);
            }
        };
        let attempt = Attempt {
            call,
            address,
            name,
            password,
            person: None,
        };
        self.attempt(attempt, now);
    }

    /// Has the password of an attempt checked now or later, or refuses it.
    pub(super) fn attempt(&mut self, attempt: Attempt, now: Now) {
        let standing = self.logins.standing(attempt.address, &attempt.name, now);
        match standing {
            Standing::Penalised(left, fault) => self.refuse_penalised(attempt, left, fault, now),
            Standing::LockedOut(left) => self.refuse_locked_out(attempt, left, now),
            Standing::Checked => self.check(attempt, now),
            Standing::Waits => {
                if let Err(attempt) = self.logins.wait(attempt) {
                    self.refuse_busy(*attempt, errors::too_many_logins(), now);
                }
            }
        }
    }

    pub(super) fn password_checked(&mut self, check: CheckId, matches: bool, now: Now) {
        let Some(check) = self.logins.end(check) else {
            return;
        };
        let name = check.name.clone();
        if check.person.is_some() {
            self.page_password_checked(check, matches, now);
            return self.check_waiting(&name, now);
        }
        // The account may be gone by now, or its password another one.
        let account = self.accounts.find(&name);
        let hash = account.and_then(|account| account.password_hash.as_ref());
        match account.zip(hash) {
            Some((account, hash)) if matches && Some(hash) == check.hash.as_ref() => {
                let device = account.name.clone();
                let proof = Proof::Password(hash.clone());
                self.logins.succeed(&check, now);
                if self.accounts.look_up(&device).is_ok() {
                    self.accept(check.call, device, proof, now);
                } else {
                    // Right by what was known before a change of unknown outcome. The next login reads
                    // the account.
                    let error = errors::busy("this account was changed meanwhile; try again");
                    self.fail_login(check.call, &name, (error, LoginFailure::Busy), now);
                }
            }
            _ => self.count_failure(check, now),
        }
        self.check_waiting(&name, now);
    }

    /// Begins the checks of waiting logins for which there is room, or refuses all: the name may be
    /// locked out by now. So may any of their networks.
    pub(super) fn check_waiting(&mut self, name: &str, now: Now) {
        while let Some((attempt, standing)) = self.logins.next_decidable(name, now) {
            match standing {
                Standing::Penalised(left, fault) => {
                    self.refuse_penalised(attempt, left, fault, now);
                }
                Standing::LockedOut(left) => self.refuse_locked_out(attempt, left, now),
                Standing::Checked | Standing::Waits => self.check(attempt, now),
            }
        }
    }

    /// The session tries to log in under this name, if it is its turn; from where.
    pub(super) fn begin_deciding(
        &mut self,
        call: &Call,
        name: &str,
        now: Now,
    ) -> Result<IpAddr, RpcError> {
        let session = call.session().and_then(|id| self.out.sessions.get_mut(id));
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
        if let Some(id) = call.session() {
            self.out.sessions.rearm(id);
        }
        Ok(address)
    }

    /// Counts an attempt and has its password checked. A name without an account, and a password
    /// that no account can have, cost the same work.
    fn check(&mut self, attempt: Attempt, now: Now) {
        let (name, is_person) = (attempt.name.clone(), attempt.person.is_some());
        match self.logins.begin(attempt, now) {
            Ok(check) if self.importing && !is_person => {
                self.out.push(Effect::SettleLogin { check, name });
            }
            Ok(check) => self.login_settled(check),
            Err(attempt) => {
                let error = errors::busy("too many logins are being checked; try again later");
                self.refuse_busy(*attempt, error, now);
            }
        }
    }

    /// Has the password checked against what the account has now.
    pub(super) fn login_settled(&mut self, id: CheckId) {
        // An account without a password is to a password as one that is not there.
        let accounts = &self.accounts;
        let hash_of = |name: &str| accounts.find(name)?.password_hash.clone();
        let Some((password, hash)) = self.logins.settle(id, hash_of) else {
            return;
        };
        let is_repeated = self.logins.is_without_session(id);
        self.out.push(Effect::CheckPassword {
            check: id,
            password,
            hash,
            is_repeated,
        });
    }

    pub(super) fn accept(&mut self, call: Call, name: DeviceName, proof: Proof, now: Now) {
        if call.shown_from().is_some() {
            self.sightings.seen(&name);
            let address = call.shown_from();
            let caller = Caller::Device {
                name,
                proof,
                address,
            };
            return call.identify(caller, &mut self.out);
        }
        let Some(id) = call.session().filter(|id| self.out.sessions.is_open(*id)) else {
            call.withdraw();
            return;
        };
        let most = self.settings.capacity.sessions_per_device;
        if self.out.sessions.of_device(&name) >= most {
            let error = errors::too_many_sessions(&name, most);
            let why = (error, LoginFailure::TooManySessions);
            return self.fail_login(call, name.as_str(), why, now);
        }
        let address = self.out.sessions.log_in(id, name.clone(), proof);
        if self.out.sessions.of_device(&name) == 1 {
            self.sightings.has_sessions(&name, true);
        }
        let reply = LoginReply {
            name: name.clone(),
            key: self.accounts.key(&name).map(|enrolled| enrolled.key),
        };
        call.ok(Reply::Login(reply), &mut self.out);
        if let Some(address) = address {
            self.note_login(&name, address);
            self.show(ConsoleEvent::LoggedIn {
                device: name,
                address,
            });
        }
    }

    pub(super) fn count_failure(&mut self, check: Check, now: Now) {
        let failed = self.logins.fail(&check, now);
        let (error, failure) = match failed.lockout {
            LockoutEffect::Counted => (
                RpcError::new(ErrorCode::WrongPassword, errors::WRONG_PASSWORD),
                LoginFailure::WrongPassword,
            ),
            LockoutEffect::LockedOut => (
                RpcError::new(ErrorCode::NowBlocked, errors::NOW_LOCKED_OUT)
                    .retry_after(LOCK_OUT_TIME),
                LoginFailure::NowLockedOut,
            ),
        };
        let Check {
            call,
            name,
            address,
            ..
        } = check;
        let door = self.author(&call).door;
        self.fail_login(call, &name, (error, failure), now);
        self.note_penalties(&name, (door, address), &failed);
        if let Some(penalty) = failed.of_name {
            self.show(ConsoleEvent::NamePenalised {
                network: penalty.network,
                name: name.into(),
                time: penalty.time,
            });
        }
        if let Some(penalty) = failed.of_network {
            self.show(ConsoleEvent::Penalised {
                network: penalty.network,
                time: penalty.time,
            });
        }
    }

    /// Refuses a password of a network under a penalty. There is no line of it for the operator, who
    /// was told of the penalty: a thousand refusals a second would bury the rest.
    fn refuse_penalised(&mut self, attempt: Attempt, left: Duration, fault: Fault, now: Now) {
        let message = match fault {
            Fault::ManyNames => errors::PENALISED,
            Fault::OneName => errors::NAME_PENALISED,
        };
        let error = RpcError::new(ErrorCode::Penalised, message).retry_after(left);
        self.note_attempt(&attempt.call, &attempt.name, Outcome::Refused, message);
        self.refuse_attempt(attempt.call, error, now);
    }

    fn refuse_locked_out(&mut self, attempt: Attempt, left: Duration, now: Now) {
        let error = RpcError::new(ErrorCode::Blocked, errors::LOCKED_OUT).retry_after(left);
        let why = (error, LoginFailure::LockedOut);
        self.fail_login(attempt.call, &attempt.name, why, now);
    }

    fn refuse_busy(&mut self, attempt: Attempt, error: RpcError, now: Now) {
        let why = (error, LoginFailure::Busy);
        self.fail_login(attempt.call, &attempt.name, why, now);
    }

    /// Answers a login that failed and tells the operator; the session may try again.
    pub(super) fn fail_login(
        &mut self,
        call: Call,
        name: &str,
        (error, failure): (RpcError, LoginFailure),
        now: Now,
    ) {
        self.note_login_failed(&call, name, failure);
        let address = self.refuse_attempt(call, error, now);
        self.show(ConsoleEvent::LoginFailed {
            name: name.to_owned(),
            address,
            failure,
        });
    }

    /// Refuses a login or a use of a ticket: the session may try again. Where it comes from, unless
    /// it is gone.
    pub(super) fn refuse_attempt(
        &mut self,
        call: Call,
        error: RpcError,
        now: Now,
    ) -> Option<IpAddr> {
        let id = call.session();
        let session = id.and_then(|id| self.out.sessions.get_mut(id));
        let address = session.map(|session| {
            session.stage = Stage::Greeted {
                tried: now.monotonic,
                deciding: None,
            };
            session.address
        });
        let address = address.or(call.shown_from());
        // Sets the session's deadline as well.
        call.refuse(error, &mut self.out);
        address
    }
}

/// The name under which attempts at a device count. Names with a slash are no device's: they are kept apart
/// from those under which attempts at logins of people count, and nobody can lock a person out by one.
pub(super) fn attempted_name(name: &str) -> Box<str> {
    match cut(name) {
        name if name.contains('/') => format!("device/{name}").into(),
        name => name.into(),
    }
}

/// The name as far as the hub looks at it. What is cut was too long for a device's name anyway.
pub(super) fn cut(name: &str) -> &str {
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

    #[test]
    fn a_name_with_a_slash_counts_as_no_login_of_a_person() {
        assert_eq!(&*attempted_name("cam-1"), "cam-1");
        for name in ["login/ana", "/", "device/login/ana"] {
            assert_eq!(&*attempted_name(name), format!("device/{name}"));
            assert!(name.parse::<DeviceName>().is_err());
        }
        let long = attempted_name(&"/".repeat(2 * MAX_LOGIN_NAME_BYTES));
        assert_eq!(long.len(), "device/".len() + MAX_LOGIN_NAME_BYTES);
    }
}
