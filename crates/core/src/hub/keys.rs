//! Giving a device its key, and taking it away: by its owner or by the operator. A key is the
//! device's only after the store has committed it.

use fleetlink_proto::control::{Done, ErrorCode, KeyList, Reply, RequestId, RpcError};
use fleetlink_proto::{DeviceKey, DeviceName};

use crate::access::authorisation::{Action, Caller, Decision, decide};
use crate::access::errors::not_allowed;
use crate::access::key_change::{KeyChange, KeyJob};
use crate::access::possession::Possession;
use crate::call::{Call, Door};
use crate::console::AccountChange;
use crate::errors;
use crate::hub::Hub;
use crate::hub::endings::Ending;
use crate::hub::jobs::Job;
use crate::ids::{AdminId, SessionId};
use crate::operator::errors::no_account;
use crate::operator::requests::AdminReply;
use crate::session::state::Stage;
use crate::store::calls::{StoreError, StoreReply};
use crate::time::Now;

impl Hub {
    /// An owner gives the device a key, of which it must have shown the private half.
    pub(crate) fn enrol_key(
        &mut self,
        (session, id): (SessionId, RequestId),
        name: &DeviceName,
        (key, possession): (DeviceKey, Possession),
        replace: bool,
        now: Now,
    ) {
        match possession {
            Possession::Proven => {}
            Possession::NoChannel => return self.refuse(session, id, errors::no_channel()),
            Possession::Unproven => {
                return self.refuse(session, id, errors::key_not_shown());
            }
        }
        let job = KeyJob {
            call: self.calls.open(Door::Session(session, id)),
            change: KeyChange::Set { key, replace },
        };
        self.queue_key_job(name, job, now);
    }

    /// An owner takes the device's key away.
    pub(crate) fn revoke_key(
        &mut self,
        (session, id): (SessionId, RequestId),
        name: &DeviceName,
        now: Now,
    ) {
        let job = KeyJob {
            call: self.calls.open(Door::Session(session, id)),
            change: KeyChange::Revoke,
        };
        self.queue_key_job(name, job, now);
    }

    pub(crate) fn list_keys(&mut self, session: SessionId, id: RequestId, name: &DeviceName) {
        let keys = self.accounts.key(name).cloned().into_iter().collect();
        self.answer(session, id, Ok(Reply::Keys(KeyList { keys })));
    }

    /// The operator gives a device a key.
    pub(crate) fn set_key_of(
        &mut self,
        admin: AdminId,
        name: &DeviceName,
        key: DeviceKey,
        now: Now,
    ) {
        let job = KeyJob {
            call: self.calls.open(Door::Socket(admin)),
            change: KeyChange::Set { key, replace: true },
        };
        self.queue_key_job(name, job, now);
    }

    /// The operator takes a device's key away.
    pub(crate) fn revoke_key_of(&mut self, admin: AdminId, name: &DeviceName, now: Now) {
        let job = KeyJob {
            call: self.calls.open(Door::Socket(admin)),
            change: KeyChange::Revoke,
        };
        self.queue_key_job(name, job, now);
    }

    fn queue_key_job(&mut self, name: &DeviceName, job: KeyJob, now: Now) {
        if let Err(refused) = self.enqueue(name, Job::Key(job), now)
            && let Job::Key(job) = *refused
        {
            self.end_key_call(job.call, Err(errors::too_many_operations()));
        }
    }

    /// Whether a change whose turn has come may still be made, or why not: while it waited its
    /// session may have ended, or the account got another password or another owner.
    pub(crate) fn may_still(&self, name: &DeviceName, job: &KeyJob) -> Result<(), RpcError> {
        let caller = match job.call.session() {
            Some(session) => self.caller(session),
            None => Caller::Operator,
        };
        match decide(caller, Action::ChangeKey(name)) {
            Decision::Allowed if self.accounts.contains(name) => Ok(()),
            Decision::Allowed => Err(RpcError::new(ErrorCode::NotAllowed, no_account(name))),
            decision => Err(not_allowed(decision, "changing the key")),
        }
    }

    /// The store answered a change of a key.
    pub(crate) fn finish_key_job(
        &mut self,
        name: &DeviceName,
        job: KeyJob,
        result: Result<StoreReply, StoreError>,
    ) {
        let KeyJob { call, change } = job;
        match change {
            KeyChange::Set { key, .. } => {
                let result = self.key_set(name, key, result);
                if let (Ok(()), Some(session)) = (&result, call.session()) {
                    self.key_shown(session, key);
                }
                self.end_key_call(call, result);
            }
            KeyChange::Revoke => self.key_removed(name, call, result),
        }
    }

    fn key_set(
        &mut self,
        name: &DeviceName,
        key: DeviceKey,
        result: Result<StoreReply, StoreError>,
    ) -> Result<(), RpcError> {
        match result {
            Ok(StoreReply::Key(stored)) if stored.key == key => {
                let before = self.accounts.key(name).map(|enrolled| enrolled.key);
                self.accounts.set_key(name, Some(stored));
                self.end_sessions_without_ground(name);
                match before {
                    None => self.show_account(name.clone(), AccountChange::KeyEnrolled),
                    Some(before) if before != key => {
                        self.show_account(name.clone(), AccountChange::KeyReplaced);
                    }
                    Some(_) => {}
                }
                Ok(())
            }
            Ok(_) => Err(errors::internal()),
            Err(StoreError::Conflict(_)) => Err(RpcError::new(
                ErrorCode::KeyEnrolled,
                "this device has another key already; it can be replaced",
            )),
            Err(StoreError::NotFound) => {
                Err(RpcError::new(ErrorCode::NotAllowed, no_account(name)))
            }
            Err(error) => Err(errors::of_store(error, "")),
        }
    }

    /// A session has shown that the key is the device's, as one does that logs in by it.
    fn key_shown(&mut self, session: SessionId, key: DeviceKey) {
        let Some(open) = self.sessions.get_mut(&session) else {
            return;
        };
        open.key = Some(key);
        if let Stage::Joined { name, generation } = &open.stage {
            self.presence.key_shown(name, *generation, key);
        }
    }

    /// Where nobody knows whether the store has done it, the hub takes the key as gone: whoever
    /// revokes a key has reason to. The device may be in wrong hands, so its sessions end however
    /// they were opened, and also where there was no key.
    fn key_removed(
        &mut self,
        name: &DeviceName,
        call: Call,
        result: Result<StoreReply, StoreError>,
    ) {
        let is_gone = matches!(
            result,
            Ok(_) | Err(StoreError::NotFound | StoreError::Unknown(_))
        );
        let mut ended = 0;
        if is_gone {
            let had_one = self.accounts.key(name).is_some();
            self.accounts.set_key(name, None);
            ended = self.end_sessions_of(name, Ending::KeyRevoked, call.session());
            self.withdraw_orphans(name);
            if had_one {
                self.show_account(name.clone(), AccountChange::KeyRevoked);
            }
        }
        let result = match result {
            Ok(_) => Ok(()),
            Err(StoreError::NotFound) => Err(no_key(name, ended, &call)),
            Err(error) => Err(errors::of_store(error, "")),
        };
        self.end_key_call(call, result);
    }

    pub(crate) fn end_key_call(&mut self, call: Call, result: Result<(), RpcError>) {
        match call.end() {
            Some(Door::Session(session, id)) => {
                self.answer(session, id, result.map(|()| Reply::Done(Done {})));
            }
            Some(Door::Socket(admin)) => {
                let result = result.map(|()| AdminReply::Done);
                self.answer_admin(admin, result.map_err(|error| error.message));
            }
            None => {}
        }
    }
}

/// There was no key to revoke: what was done all the same, and what still lets the device in.
fn no_key(name: &DeviceName, ended: usize, call: &Call) -> RpcError {
    let (sessions, means) = match call.session() {
        Some(_) => ("other sessions", "change it at the hub"),
        None => ("sessions", "fleetlink account passwd changes it"),
    };
    let message = format!(
        "{name} has no key that could be revoked; {sessions} of it that were ended: {ended}. If it \
         has a password, that still lets it in: {means}"
    );
    RpcError::new(ErrorCode::NoKey, message)
}
