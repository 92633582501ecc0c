//! Rules for keys: only the enrolled one lets its device in, also during a lock-out; only a session of the
//! present password changes it; and nothing that a key opened outlives the key.

use fleetlink_core::{Change, Effect, Now, Possession, SessionId, StoreCall};
use fleetlink_proto::control::{ErrorCode, Reply, RpcError};
use fleetlink_proto::{DeviceKey, DeviceName};

use crate::oracle::{Live, OpenedBy, Oracle, Told};

impl Oracle {
    pub(crate) fn key_login_decided(
        &mut self,
        session: SessionId,
        (name, key, possession): (&str, DeviceKey, Possession),
        result: &Result<Reply, RpcError>,
    ) {
        let own = name.parse().ok().and_then(|name| self.keys.get(&name));
        let right = own == Some(&key) && possession == Possession::Proven;
        match result.as_ref().map_err(|error| error.code) {
            Ok(Reply::Login(login)) => {
                assert!(right, "{name} is in by a key that is not its own");
                assert_eq!(login.name.as_str(), name);
                let live = self.live.get_mut(&session).expect("is live");
                live.name = Some(login.name.clone());
                live.opened_by = OpenedBy::Key(key);
                live.key = Some(key);
            }
            Err(ErrorCode::KeyRefused) => assert!(!right, "{name} is refused its own key"),
            Err(ErrorCode::NoChannel) => assert_eq!(possession, Possession::NoChannel),
            Err(ErrorCode::OutOfOrder) => {}
            Err(ErrorCode::Busy) => {
                assert!(right && self.is_device_full(name), "{name}: there is room");
            }
            Err(ErrorCode::StoreUnavailable | ErrorCode::Corrupt) => {
                assert!(self.was_not_read(), "{name} is refused for the store");
            }
            unexpected => panic!("a login by key was decided as {unexpected:?}"),
        }
    }

    /// A device was told that its key was changed.
    pub(crate) fn key_changed(&mut self, session: SessionId, key: Option<DeviceKey>) {
        let name = self.live[&session].name.clone().expect("is logged in");
        if let (Some(key), Some(live)) = (key, self.live.get_mut(&session)) {
            live.key = Some(key);
            self.list.key_shown(&name, session, key);
        }
        let live = &self.live[&session];
        let name = &name;
        let by_password = matches!(&live.opened_by, OpenedBy::Password(hash)
            if self.accounts.get(name) == Some(hash));
        assert!(by_password, "{name} changes a key without the password");
        let told = matches!(&self.told, Told::Store(call, Ok(_)) if match &**call {
            StoreCall::Change(Change::SetKey { name: of, .. }) | StoreCall::Change(Change::RemoveKey { name: of }) => of == name,
            _ => false,
        });
        assert!(told, "a key is changed before the store has answered");
    }

    /// The key is gone, taken as gone, or there was none; every session of the device ends, but the
    /// one that asks.
    pub(crate) fn key_revoked(&mut self, name: &DeviceName) {
        self.keys.remove(name);
        for live in self.live.values_mut() {
            live.revoked |= live.name.as_ref() == Some(name);
        }
    }

    /// Whether the key that has opened this session, if one has, is still the device's.
    pub(crate) fn key_holds(&self, live: &Live) -> bool {
        match (&live.opened_by, &live.name) {
            (OpenedBy::Key(key), Some(name)) => self.keys.get(name) == Some(key),
            _ => true,
        }
    }

    /// Returns the event to count if this is the reply to a login by key that succeeded.
    pub(crate) fn key_login(&self, effect: &Effect, now: Now) -> Option<&'static str> {
        let Effect::Reply {
            session,
            result: Ok(Reply::Login(login)),
            ..
        } = effect
        else {
            return None;
        };
        let attempts = self.names.get(login.name.as_str());
        let until = attempts.and_then(|attempts| attempts.locked_out_until);
        let blocked = until.is_some_and(|until| until > now.monotonic);
        let live = &self.live[session];
        let penalised = live
            .network
            .is_some_and(|network| self.penalties.holds(network, now));
        matches!(live.opened_by, OpenedBy::Key(_)).then_some(match (blocked, penalised) {
            (true, _) => "logged in by key while blocked",
            (false, true) => "logged in by key while penalised",
            (false, false) => "logged in by key",
        })
    }
}
