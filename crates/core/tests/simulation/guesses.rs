//! Rules for logins: attempts count before their checks, and only the right password of an account lets a
//! device in.

use std::time::Duration;

use fleetlink_core::{CheckId, Now, SessionId};
use fleetlink_proto::DeviceName;
use fleetlink_proto::control::limits::{LOCK_OUT_TIME, MAX_WAITING_PASSWORD_CHECKS};
use fleetlink_proto::control::{ErrorCode, Reply, RpcError};

use crate::oracle::{OpenedBy, Oracle, Told};

#[derive(Default)]
pub(crate) struct Attempts {
    pub(crate) failed: u8,
    pub(crate) pending: u8,
    pub(crate) locked_out_until: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    Wrong,
    LastWrong,
}

/// Every password that is tried is `name|version|number`: it names its attempt, and is right where
/// `name|version` is the account's hash.
pub(crate) fn matches(password: &str, hash: &str) -> bool {
    password
        .rsplit_once('|')
        .is_some_and(|(tried, _)| tried == hash)
}

pub(crate) fn name_of(password: &str) -> &str {
    password.split('|').next().unwrap_or_default()
}

impl Oracle {
    pub(crate) fn checked(&mut self, check: CheckId, matches_hash: bool, now: Now) {
        let password = self.checks.remove(&check).expect("a check under way");
        let name = name_of(&password);
        let account = name.parse::<DeviceName>().ok();
        let account = account.and_then(|name| self.accounts.get(&name));
        let right = matches_hash && account.is_some_and(|hash| matches(&password, hash));
        let attempts = self.names.get_mut(name).expect("an attempt counted");
        attempts.pending -= 1;
        let verdict = if right {
            attempts.failed = 0;
            self.penalties.right(&password, now);
            Verdict::Right
        } else {
            self.penalties.wrong(&password, now);
            attempts.failed += 1;
            if attempts.failed >= self.max_attempts {
                attempts.locked_out_until = Some(now.monotonic + LOCK_OUT_TIME);
                Verdict::LastWrong
            } else {
                Verdict::Wrong
            }
        };
        self.told = Told::Checked { password, verdict };
    }

    pub(crate) fn check_begun(&mut self, check: CheckId, password: &str, now: Now) {
        if self.settling.remove(&check) {
            // It counts since it began to wait; its network may have been penalised meanwhile.
            self.settled.insert(check);
        } else {
            let left = self.penalties.left(password, now);
            assert_eq!(left, None, "checks {password} of a penalised network");
        }
        let name = name_of(password).to_owned();
        let attempts = self.names.entry(name.clone()).or_default();
        if let Some(until) = attempts.locked_out_until {
            assert!(until <= now.monotonic, "checks {name} while it is blocked");
            (attempts.locked_out_until, attempts.failed) = (None, 0);
        }
        attempts.pending += 1;
        let tries = attempts.failed + attempts.pending;
        assert!(tries <= self.max_attempts, "{tries} attempts of {name}");
        self.checks.insert(check, password.to_owned());
        assert!(self.checks.len() <= MAX_WAITING_PASSWORD_CHECKS);
    }

    pub(crate) fn login_decided(
        &mut self,
        session: SessionId,
        password: &str,
        result: &Result<Reply, RpcError>,
        now: Now,
    ) {
        match result {
            Ok(Reply::Login(login)) => {
                assert!(self.is_right(password), "{password} is not right");
                assert_eq!(login.name.as_str(), name_of(password));
                let live = self.live.get_mut(&session).expect("is live");
                live.name = Some(login.name.clone());
                let hash = password.rsplit_once('|').expect("name|version|number").0;
                live.opened_by = OpenedBy::Password(hash.to_owned());
            }
            Ok(unexpected) => panic!("a login was decided as {unexpected:?}"),
            Err(error) => self.password_refused(password, error, now),
        }
    }

    /// The verdict on this password that the input of this step has told.
    fn verdict_on(&self, password: &str) -> Option<Verdict> {
        match &self.told {
            Told::Checked {
                password: checked,
                verdict,
            } if checked == password => Some(*verdict),
            _ => None,
        }
    }

    pub(crate) fn is_right(&self, password: &str) -> bool {
        self.verdict_on(password) == Some(Verdict::Right)
    }

    /// A password was refused, for a login or without one.
    pub(crate) fn password_refused(&mut self, password: &str, error: &RpcError, now: Now) {
        let retry_after = || {
            let detail = error.data.clone().unwrap();
            detail.retry_after_ms.map(u128::from)
        };
        match (error.code, self.verdict_on(password)) {
            (ErrorCode::WrongPassword, Some(Verdict::Wrong))
            | (ErrorCode::NowBlocked, Some(Verdict::LastWrong))
            | (ErrorCode::Busy | ErrorCode::OutOfOrder, None) => {}
            (ErrorCode::Busy, Some(Verdict::Right)) => {
                let name = name_of(password);
                assert!(
                    self.is_device_full(name) || self.is_in_doubt(name),
                    "{password}: there is room"
                );
            }
            (ErrorCode::Blocked, None) => {
                let attempts = self.names.get(name_of(password));
                let until = attempts.and_then(|attempts| attempts.locked_out_until);
                let left = until.and_then(|until| until.checked_sub(now.monotonic));
                let penalty = self.penalties.left(password, now);
                assert_eq!(penalty, None, "a penalised network learns of a block");
                let left = left.expect("is blocked").as_millis();
                assert_eq!(retry_after(), Some(left));
            }
            (ErrorCode::Penalised, None) => {
                let left = self.penalties.left(password, now).expect("is penalised");
                assert_eq!(retry_after(), Some(left.as_millis()));
            }
            (ErrorCode::StoreUnavailable | ErrorCode::Corrupt, None) => {
                assert!(self.was_not_read(), "{password} is refused for the store");
            }
            unexpected => panic!("a password was decided as {unexpected:?}"),
        }
    }
}
