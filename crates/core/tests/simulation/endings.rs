//! Rules for sessions whose login was removed, or which the operator ends: they end at once, and the hub
//! does nothing of what they still waited for.

use std::collections::BTreeSet;

use fleetlink_core::{AdminRequest, Change, Delete, SessionChoice, SessionId, StoreCall};
use fleetlink_proto::control::EndReason;
use fleetlink_proto::{DeviceName, IdempotencyKey};

use crate::oracle::{Asked, Live, OpenedBy, Oracle};

/// The changes that a session has asked for and that are not answered.
fn changes(live: &Live) -> impl Iterator<Item = IdempotencyKey> {
    live.asked.values().filter_map(|asked| match asked {
        Asked::Commit { key } | Asked::Delete { key } => Some(*key),
        _ => None,
    })
}

impl Oracle {
    /// Notes which sessions the operator wants ended.
    pub(crate) fn ends_sessions(&mut self, request: &AdminRequest) {
        let AdminRequest::EndSessions(choice) = request else {
            return;
        };
        for (session, live) in &mut self.live {
            live.unwanted |= match choice {
                SessionChoice::OfDevice(name) => {
                    live.name.as_ref() == Some(name) && self.accounts.contains_key(name)
                }
                SessionChoice::Number(number) => session == number,
            };
        }
    }

    /// Whether a request of the operator that is not answered yet may end this session. The request may
    /// have waited for the account to be read while the session logged in.
    pub(crate) fn is_to_end(&self, session: SessionId) -> bool {
        let name = self.live[&session].name.as_ref();
        self.admins.values().any(|request| match request {
            AdminRequest::EndSessions(SessionChoice::OfDevice(of)) => name == Some(of),
            _ => false,
        })
    }

    /// Whether the password that has opened this session, if one has, is still the account's.
    pub(crate) fn password_holds(&self, live: &Live) -> bool {
        match (&live.opened_by, &live.name) {
            (OpenedBy::Password(hash), Some(name)) => self.accounts.get(name) == Some(hash),
            _ => true,
        }
    }

    /// A session ends for a reason of the hub's own; the changes that it asked for go with it.
    pub(crate) fn withdraw_changes(&mut self, session: SessionId, reason: EndReason) {
        let is_taken_away = matches!(
            reason,
            EndReason::AccountRemoved
                | EndReason::LoginRemoved
                | EndReason::PasswordChanged
                | EndReason::KeyRevoked
                | EndReason::EndedByOperator
        );
        let Some(live) = self.live.get(&session).filter(|_| is_taken_away) else {
            return;
        };
        let Some(name) = live.name.clone() else {
            return;
        };
        // A device that has come back may have asked for the same change in another session.
        let others = self.live.iter().filter(|(other, _)| **other != session);
        let others = others.filter(|(_, live)| live.name.as_ref() == Some(&name));
        let asked_again: BTreeSet<_> = others.flat_map(|(_, live)| changes(live)).collect();
        let keys = changes(live).filter(|key| !asked_again.contains(key));
        let keys: Vec<_> = keys.map(|key| (name.clone(), key)).collect();
        self.withdrawn.extend(keys);
    }

    /// A device asks for a change, perhaps again.
    pub(crate) fn change_asked(&mut self, session: SessionId, key: IdempotencyKey) {
        let name = self.live.get(&session).and_then(|live| live.name.clone());
        if let Some(name) = name {
            self.withdrawn.remove(&(name, key));
        }
    }

    /// The store is asked for something.
    pub(crate) fn store_asked(&self, call: &StoreCall) {
        let change: Option<(&DeviceName, IdempotencyKey)> = match call {
            StoreCall::Change(Change::Commit(commit)) => Some((&commit.device, commit.key)),
            StoreCall::Change(Change::Delete(Delete { device, key, .. })) => Some((device, *key)),
            _ => None,
        };
        if let Some((device, key)) = change {
            let withdrawn = self.withdrawn.contains(&(device.clone(), key));
            assert!(!withdrawn, "{device} changes something after its session");
        }
    }
}
