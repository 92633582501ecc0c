//! Rules for credentials files: a line changes an account only if nobody has changed it since the file was
//! read, and a removed login takes with it all that it opened.

use fleetlink_core::{AccountOrder, AdminRequest, Change, ImportOrder, PasswordHash, StoreCall};
use fleetlink_proto::DeviceName;

use crate::oracle::Oracle;
use crate::world::World;

impl Oracle {
    pub(crate) fn login_removed(&mut self, name: &DeviceName) {
        if let Some(hash) = self.accounts.get_mut(name) {
            hash.clear();
        }
        self.keys.remove(name);
    }

    /// The store is asked to apply a line: the account is what it was when the file was read.
    pub(crate) fn import_begun(&self, call: &StoreCall) {
        let StoreCall::Change(Change::ImportLogin {
            given,
            applies: true,
            ..
        }) = call
        else {
            return;
        };
        let asked = self.admins.values().find_map(|request| match request {
            AdminRequest::Change {
                name,
                order: AccountOrder::Import(order),
            } if *name == given.name && order.password_hash == given.password_hash => Some(order),
            _ => None,
        });
        let before = asked.expect("a line").before.as_ref();
        let present = self.accounts.get(&given.name).map_or("", String::as_str);
        let before = before.map_or("", PasswordHash::as_str);
        assert_eq!(present, before, "{} against a later word", given.name);
    }
}

impl World {
    /// A line of a file that was read just now, or a while ago.
    pub(crate) fn import(&mut self, name: DeviceName, password_hash: PasswordHash) -> AdminRequest {
        let account = self.store.accounts.get(&name);
        let present = account.and_then(|account| account.password_hash.clone());
        let before = match self.rng.below(4) {
            0 => None,
            1 => Some(PasswordHash::new(format!("{name}|first"))),
            _ => present,
        };
        let order = ImportOrder {
            origin: "credentials".into(),
            password_hash,
            before,
        };
        AdminRequest::Change {
            name,
            order: AccountOrder::Import(order),
        }
    }
}
