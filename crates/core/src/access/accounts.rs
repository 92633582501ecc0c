//! The accounts in memory: what the store has committed.

use std::collections::BTreeMap;

use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::{DeviceName, WallTime};

use crate::caller::{Caller, Proof};
use crate::store::calls::{Account, PasswordHash};

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

    /// Sets a password. An account that is not there is one whose adding had an unknown outcome;
    /// the store has it, so it is there from now on.
    pub(crate) fn set_password(&mut self, name: &DeviceName, hash: PasswordHash, at: WallTime) {
        match self.by_name.get_mut(name) {
            Some(account) => account.password_hash = Some(hash),
            None => self.insert(Account {
                name: name.clone(),
                password_hash: Some(hash),
                created: at,
                key: None,
            }),
        }
    }

    /// Takes password and key away; the account and its data stay.
    pub(crate) fn remove_login(&mut self, name: &DeviceName) {
        if let Some(account) = self.by_name.get_mut(name) {
            (account.password_hash, account.key) = (None, None);
        }
    }

    /// Sets or takes away a key.
    pub(crate) fn set_key(&mut self, name: &DeviceName, key: Option<EnrolledKey>) {
        if let Some(account) = self.by_name.get_mut(name) {
            account.key = key;
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
