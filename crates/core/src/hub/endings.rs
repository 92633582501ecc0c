//! Sessions that the hub ends because of what was taken away from their device, or at the
//! operator's wish. Such a session ends with all that it has begun: its calls that still wait for
//! the store are not done.

use std::collections::BTreeSet;

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::EndReason;

use crate::access::accounts::Accounts;
use crate::access::errors::proof_gone;
use crate::call::Call;
use crate::caller::Proof;
use crate::console::Departure;
use crate::effect::Effect;
use crate::files::command::{FileCommand, is_own};
use crate::hub::Hub;
use crate::hub::queue::Job;
use crate::ids::SessionId;
use crate::session::state::Session;
use crate::session::table::Sessions;
use crate::time::Now;

/// The reason why sessions are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Their account is gone.
    AccountRemoved,
    /// Their account has no login any more.
    LoginRemoved,
    /// They rest on a password that was changed.
    PasswordChanged,
    /// They rest on a key that is no longer the device's.
    KeyReplaced,
    /// The device's key was revoked: the device may be in wrong hands.
    KeyRevoked,
    /// The operator ended them.
    ByOperator,
}

impl Ending {
    fn reason(self) -> EndReason {
        match self {
            Ending::AccountRemoved => EndReason::AccountRemoved,
            Ending::LoginRemoved => EndReason::LoginRemoved,
            Ending::PasswordChanged => EndReason::PasswordChanged,
            Ending::KeyReplaced | Ending::KeyRevoked => EndReason::KeyRevoked,
            Ending::ByOperator => EndReason::EndedByOperator,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Ending::AccountRemoved => "the account was removed",
            Ending::LoginRemoved => "this device may no longer log in at this hub",
            Ending::PasswordChanged => {
                "the password that opened this session was changed; log in with the new one"
            }
            Ending::KeyReplaced => "the key that opened this session is no longer the device's",
            Ending::KeyRevoked => "the device's key was revoked",
            Ending::ByOperator => "the hub's operator ended this session",
        }
    }

    fn departure(self) -> Departure {
        match self {
            Ending::AccountRemoved => Departure::AccountRemoved,
            Ending::LoginRemoved => Departure::LoginRemoved,
            Ending::PasswordChanged => Departure::PasswordChanged,
            Ending::KeyReplaced | Ending::KeyRevoked => Departure::KeyRevoked,
            Ending::ByOperator => Departure::EndedByOperator,
        }
    }
}

impl Hub {
    /// Ends every session of a name, except this one.
    pub(super) fn end_sessions_of(
        &mut self,
        name: &DeviceName,
        ending: Ending,
        except: Option<SessionId>,
    ) -> usize {
        self.end_sessions(|id, session| {
            (session.name() == Some(name) && Some(id) != except).then_some(ending)
        })
    }

    /// Ends the sessions of a name that rest on a password or a key that is no longer the account's.
    pub(super) fn end_sessions_without_ground(&mut self, name: &DeviceName) {
        let Some(account) = self.accounts.get(name) else {
            return self.account_removed(name);
        };
        let hash = account.password_hash.clone();
        let key = self.accounts.key(name).map(|enrolled| enrolled.key);
        self.end_sessions(|_, session| match &session.proof {
            _ if session.name() != Some(name) => None,
            Some(Proof::Password(opened_by)) if Some(opened_by) != hash.as_ref() => {
                Some(Ending::PasswordChanged)
            }
            Some(Proof::Key(opened_by)) if Some(*opened_by) != key => Some(Ending::KeyReplaced),
            _ => None,
        });
    }

    /// Ends the sessions for which this says why; how many.
    pub(super) fn end_sessions(
        &mut self,
        why: impl Fn(SessionId, &Session) -> Option<Ending>,
    ) -> usize {
        let ended = self.out.sessions.iter().filter_map(|(id, session)| {
            let ending = why(id, session)?;
            Some((id, session.name().cloned(), ending))
        });
        let ended: Vec<_> = ended.collect();
        let mut names = BTreeSet::new();
        let count = ended.len();
        for (session, name, ending) in ended {
            names.extend(name);
            self.forget(session, ending.departure());
            self.out
                .tell_end(session, ending.reason(), ending.message());
        }
        names.iter().for_each(|name| self.withdraw_orphans(name));
        count
    }

    /// Takes the waiting calls of a device that rest on what it has no more out of its queue: those of
    /// sessions that are gone, and those without a session whose password or key is another by now.
    pub(super) fn withdraw_orphans(&mut self, name: &DeviceName) {
        let (sessions, accounts) = (&self.out.sessions, &self.accounts);
        let is_orphan = |job: &Job| match job {
            Job::File(call) => is_own(call, name) && !is_wanted(call, sessions, accounts),
            _ => false,
        };
        for job in self.operations.withdraw(name, is_orphan) {
            self.end_withdrawn(job);
        }
    }

    /// Whether somebody is there for whom a job is done whose turn has come. What changes data files is
    /// done for a session that has gone by itself too. Others of a session are decided once more by
    /// their own rules.
    pub(super) fn is_job_wanted(&self, job: &Job, now: Now) -> bool {
        match (job, job.origin()) {
            (_, None) => self.is_still_known(job.caller(), now),
            (Job::File(call), Some((session, _))) => {
                call.command.is_change() || self.out.sessions.is_open(session)
            }
            (_, Some(_)) => true,
        }
    }

    /// Ends a job that was taken out of its queue, and gives back what it held.
    pub(super) fn end_withdrawn(&mut self, job: Job) {
        if let Job::File(call) = job {
            if let (Some(holder), Some(slot)) = (call.holder(), call.command.slot()) {
                self.slots.refuse(holder, slot);
            }
            let (command, call) = call.split();
            if let FileCommand::Commit { staged, .. } = command {
                self.out.push(Effect::Discard { staged: staged.id });
            }
            self.end_unwanted(call);
        } else {
            self.end_unwanted(job.into_call());
        }
    }

    /// Ends a call that is not done. Where its session is gone, nobody waits for a reply.
    fn end_unwanted(&mut self, call: Call) {
        match call.session() {
            Some(_) => call.withdraw(),
            None => {
                let error = proof_gone(call.method);
                call.refuse(error, &mut self.out);
            }
        }
    }
}

/// Whether the caller still waits, and is who it was.
fn is_wanted<C>(call: &Call<C>, sessions: &Sessions, accounts: &Accounts) -> bool {
    match call.session() {
        Some(session) => sessions.is_open(session),
        None => accounts.is_present(&call.caller),
    }
}
