//! Giving a device its key, and taking it away: by its owner or by the operator. A key is the
//! device's only after the store has committed it.

use fleetlink_proto::control::{Done, ErrorCode, KeyList, Reply, RpcError};
use fleetlink_proto::{DeviceKey, DeviceName};

use crate::access::authorisation::{Action, Decision, decide};
use crate::access::errors::not_permitted;
use crate::access::key_change::KeyChange;
use crate::access::possession::Possession;
use crate::call::Call;
use crate::console::AccountChange;
use crate::errors;
use crate::hub::Hub;
use crate::hub::endings::Ending;
use crate::hub::queue::Job;
use crate::hub::routing::Context;
use crate::ids::SessionId;
use crate::operator::errors::no_account;
use crate::session::state::Stage;
use crate::store::calls::{StoreError, StoreReply};
use crate::time::Now;

impl Hub {
    /// An owner gives the device a key, of which it must have shown the private half.
    pub(super) fn set_own_key(
        &mut self,
        call: Call<KeyChange>,
        Context { now, possession }: Context,
    ) {
        let error = match (possession, call.device().cloned()) {
            (Possession::Proven, Some(own)) => return self.queue_key_change(call, &own, now),
            (Possession::NoChannel, _) => errors::no_channel(),
            (Possession::Unproven, _) | (_, None) => errors::key_not_shown(),
        };
        call.split().1.refuse(error, &mut self.out);
    }

    /// An owner takes the device's key away.
    pub(super) fn revoke_key(&mut self, call: Call, Context { now, .. }: Context) {
        match call.device().cloned() {
            Some(own) => self.queue_key_change(call.with(KeyChange::Revoke), &own, now),
            None => call.refuse(errors::key_not_shown(), &mut self.out),
        }
    }

    pub(super) fn list_keys(&mut self, call: Call, _at: Context) {
        let key = call.device().and_then(|own| self.accounts.key(own));
        let keys = key.cloned().into_iter().collect();
        call.ok(Reply::Keys(KeyList { keys }), &mut self.out);
    }

    pub(super) fn queue_key_change(&mut self, call: Call<KeyChange>, name: &DeviceName, now: Now) {
        if let Err(call) = self.enqueue(name, Job::Key(call), now) {
            call.refuse(errors::too_many_operations(), &mut self.out);
        }
    }

    /// Whether a change whose turn has come may still be made, or why not: while it waited its
    /// session may have ended, or the account got another password or another owner.
    pub(super) fn may_still_change_key(
        &self,
        name: &DeviceName,
        call: &Call<KeyChange>,
        now: Now,
    ) -> Result<(), RpcError> {
        let caller = self.caller_now(call, now);
        match decide(&caller, call.door(), Action::ChangeKey(name)) {
            Decision::Permitted if self.accounts.contains(name) => Ok(()),
            Decision::Permitted => Err(RpcError::new(ErrorCode::NotAllowed, no_account(name))),
            decision => Err(not_permitted(decision, "changing the key")),
        }
    }

    /// The store answered a change of a key.
    pub(super) fn finish_key_change(
        &mut self,
        name: &DeviceName,
        call: Call<KeyChange>,
        result: Result<StoreReply, StoreError>,
    ) {
        let (change, call) = call.split();
        let result = match change {
            KeyChange::Set { key, .. } => {
                let result = self.key_set(name, key, result);
                if let (Ok(()), Some(session)) = (&result, call.session()) {
                    self.key_shown(session, key);
                }
                result
            }
            KeyChange::Revoke => self.key_removed(name, call.session(), result),
        };
        call.reply(result.map(|()| Reply::Done(Done {})), &mut self.out);
    }

    fn key_set(
        &mut self,
        name: &DeviceName,
        key: DeviceKey,
        result: Result<StoreReply, StoreError>,
    ) -> Result<(), RpcError> {
        let before = self.accounts.key(name).map(|enrolled| enrolled.key);
        match self.take_stored(name, result) {
            Ok(()) => {
                self.end_sessions_without_ground(name);
                self.show_key_change(name, before, key);
                Ok(())
            }
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

    pub(super) fn show_key_change(
        &mut self,
        name: &DeviceName,
        before: Option<DeviceKey>,
        key: DeviceKey,
    ) {
        match before {
            None => self.show_account(name.clone(), AccountChange::KeyEnrolled),
            Some(before) if before != key => {
                self.show_account(name.clone(), AccountChange::KeyReplaced);
            }
            Some(_) => {}
        }
    }

    /// A session has shown that the key is the device's, as one does that logs in by it.
    fn key_shown(&mut self, session: SessionId, key: DeviceKey) {
        let Some(open) = self.out.sessions.get_mut(session) else {
            return;
        };
        open.key = Some(key);
        if let Stage::Joined { name, generation } = &open.stage {
            self.presence.key_shown(name, *generation, key);
        }
    }

    /// Ends the sessions after a key was removed. If nobody knows whether the store has removed it,
    /// the hub treats it as removed: whoever revokes a key has a reason. The device may be in wrong
    /// hands, so all its sessions end, however they were opened, and also if there was no key.
    fn key_removed(
        &mut self,
        name: &DeviceName,
        by: Option<SessionId>,
        result: Result<StoreReply, StoreError>,
    ) -> Result<(), RpcError> {
        let had_one = self.accounts.key(name).is_some();
        let taken = self.take_stored(name, result);
        let is_gone = match &taken {
            Ok(()) => true,
            Err(StoreError::NotFound) => {
                self.accounts.note_no_key(name);
                true
            }
            Err(StoreError::Unknown(_)) => {
                self.accounts.take_key_as_gone(name);
                true
            }
            Err(_) => false,
        };
        let mut ended = 0;
        if is_gone {
            ended = self.end_sessions_of(name, Ending::KeyRevoked, by);
            self.end_sessions_without_ground(name);
            self.withdraw_orphans(name);
            if had_one {
                self.show_account(name.clone(), AccountChange::KeyRevoked);
            }
        }
        match taken {
            Ok(()) => Ok(()),
            Err(StoreError::NotFound) => Err(no_key(name, ended, by)),
            Err(error) => Err(errors::of_store(error, "")),
        }
    }
}

/// There was no key to revoke: what was done all the same, and what still lets the device in.
fn no_key(name: &DeviceName, ended: usize, by: Option<SessionId>) -> RpcError {
    let (sessions, means) = match by {
        Some(_) => ("other sessions", "change it at the hub"),
        None => ("sessions", "fleetlink account passwd changes it"),
    };
    let message = format!(
        "{name} has no key that could be revoked; {sessions} of it that were ended: {ended}. If it \
         has a password, that still lets it in: {means}"
    );
    RpcError::new(ErrorCode::NoKey, message)
}
