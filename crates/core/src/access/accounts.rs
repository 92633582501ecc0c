//! The accounts in memory: what the store has committed.

use std::collections::BTreeMap;

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::EnrolledKey;

use crate::caller::{Caller, Proof};
use crate::store::calls::Account;

/// The accounts, by name. They change only after the store has committed the change.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    by_name: BTreeMap<DeviceName, Account>,
    /// Which name holds a folded name: no two accounts differ only by case.
    by_folded: BTreeMap<String, DeviceName>,
}

impl Accounts {
    pub(crate) fn contains(&self, name: &DeviceName) -> bool {
        self.by_name.contains_key(name)
    }

    /// The account that this text names, letter for letter.
    pub(crate) fn find(&self, text: &str) -> Option<&Account> {
        self.by_name.get(&text.parse::<DeviceName>().ok()?)
    }

    /// The account whose name is this one, or differs from it only by case.
    pub(crate) fn holder(&self, name: &DeviceName) -> Option<&DeviceName> {
        self.by_folded.get(&name.folded())
    }

    pub(crate) fn insert(&mut self, account: Account) {
        let name = account.name.clone();
        self.by_folded.insert(name.folded(), name.clone());
        self.by_name.insert(name, account);
    }

    /// Takes in what the store has under this name.
    pub(crate) fn put(&mut self, name: &DeviceName, stored: Option<Account>) {
        match stored {
            Some(account) => self.insert(account),
            None => self.remove(name),
        }
    }

    /// Nobody knows whether the store has taken password and key away: the device is refused as if it
    /// had.
    pub(crate) fn take_login_as_gone(&mut self, name: &DeviceName) {
        if let Some(account) = self.by_name.get_mut(name) {
            (account.password_hash, account.key) = (None, None);
        }
    }

    /// The same of a key alone.
    pub(crate) fn take_key_as_gone(&mut self, name: &DeviceName) {
        if let Some(account) = self.by_name.get_mut(name) {
            account.key = None;
        }
    }

    /// The key that the account of this name has.
    pub(crate) fn key(&self, name: &DeviceName) -> Option<&EnrolledKey> {
        self.by_name.get(name)?.key.as_ref()
    }

    /// Whether an account of this name has what was shown.
    pub(crate) fn is_proved(&self, name: &DeviceName, proof: &Proof) -> bool {
        self.get(name).is_some_and(|account| match proof {
            Proof::Password(hash) => account.password_hash.as_ref() == Some(hash),
            Proof::Key(key) => account.key.as_ref().is_some_and(|own| own.key == *key),
        })
    }

    /// Whether a caller is still who it was found to be at its door.
    pub(crate) fn is_present(&self, caller: &Caller) -> bool {
        match caller {
            Caller::Device { name, proof } => self.is_proved(name, proof),
            Caller::Nobody | Caller::Operator | Caller::Administrator | Caller::Viewer => true,
        }
    }

    pub(crate) fn get(&self, name: &DeviceName) -> Option<&Account> {
        self.by_name.get(name)
    }

    pub(crate) fn remove(&mut self, name: &DeviceName) {
        if self.by_name.remove(name).is_some() {
            self.by_folded.remove(&name.folded());
        }
    }

    /// The accounts in the order of their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.by_name.values()
    }
}

impl FromIterator<Account> for Accounts {
    fn from_iter<I: IntoIterator<Item = Account>>(accounts: I) -> Self {
        let mut all = Accounts::default();
        for account in accounts {
            all.insert(account);
        }
        all
    }
}
