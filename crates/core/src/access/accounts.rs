//! The accounts that the hub has looked at: a bounded part of what its store has.

use std::collections::BTreeMap;

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::EnrolledKey;

use crate::caller::{Caller, Proof};
use crate::store::calls::Account;

/// Entries that are looked at where one has to make room.
const LOOKED_AT: usize = 8;

/// The accounts that were read from the store, and names without one.
///
/// What a session or an operation needs is held here for as long as it is there. Of the others, the ones
/// that were used last stay. So the number of entries is at most the capacity or, where more are held,
/// 8/7 of those.
#[derive(Debug)]
pub(crate) struct Accounts {
    capacity: usize,
    /// By folded name: no two accounts differ only by case.
    read: BTreeMap<String, Entry>,
    /// The folded names, the one that was used the longest ago first.
    by_use: BTreeMap<u64, String>,
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    account: Option<Account>,
    used: u64,
    standing: Standing,
}

/// How far an entry is the state in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Exact,
    /// It may have changed: it is read again before it is needed the next time.
    Doubtful,
    /// Nobody knows whether the store has taken the login away. The entry says that it has, until the
    /// store tells of another change.
    TakenAsGone,
}

/// A name whose account has to be read from the store first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotRead(pub(crate) DeviceName);

impl Accounts {
    pub(crate) fn with_room_for(capacity: usize) -> Self {
        Accounts {
            capacity: capacity.max(1),
            read: BTreeMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
        }
    }

    /// Whether the account of this name can be looked at now. It counts as used.
    pub(crate) fn is_read(&mut self, name: &DeviceName) -> bool {
        let folded = name.folded();
        let Some(entry) = self.read.get_mut(&folded) else {
            return false;
        };
        self.uses += 1;
        self.by_use.remove(&entry.used);
        entry.used = self.uses;
        self.by_use.insert(self.uses, folded);
        entry.standing != Standing::Doubtful
    }

    /// The account whose name is this one, or differs from it only by case.
    pub(crate) fn look_up(&self, name: &DeviceName) -> Result<Option<&Account>, NotRead> {
        match self.read.get(&name.folded()) {
            Some(entry) if entry.standing != Standing::Doubtful => Ok(entry.account.as_ref()),
            _ => Err(NotRead(name.clone())),
        }
    }

    /// The same where it has been read, perhaps in an earlier state.
    fn last_read(&self, name: &DeviceName) -> Option<&Account> {
        let entry = self.read.get(&name.folded());
        debug_assert!(entry.is_some(), "the account {name} was not read");
        entry?.account.as_ref()
    }

    pub(crate) fn get(&self, name: &DeviceName) -> Option<&Account> {
        self.last_read(name).filter(|account| account.name == *name)
    }

    pub(crate) fn contains(&self, name: &DeviceName) -> bool {
        self.get(name).is_some()
    }

    /// The account that this text names, letter for letter.
    pub(crate) fn find(&self, text: &str) -> Option<&Account> {
        self.get(&text.parse::<DeviceName>().ok()?)
    }

    /// The name of the account whose name is this one, or differs from it only by case.
    pub(crate) fn holder(&self, name: &DeviceName) -> Option<&DeviceName> {
        self.last_read(name).map(|account| &account.name)
    }

    /// The same where it may not have been read.
    pub(crate) fn last_name(&self, name: &DeviceName) -> Option<DeviceName> {
        let account = self.read.get(&name.folded())?.account.as_ref()?;
        Some(account.name.clone())
    }

    /// The key that the account of this name has.
    pub(crate) fn key(&self, name: &DeviceName) -> Option<&EnrolledKey> {
        self.get(name)?.key.as_ref()
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

    /// Takes in what a change has left in the store under this name. An earlier state than the one that
    /// is known changes nothing.
    pub(crate) fn put(&mut self, name: &DeviceName, stored: Option<Account>) {
        let folded = name.folded();
        let before = self.read.get(&folded);
        let known = before.and_then(|entry| Some(entry.account.as_ref()?.version));
        if let (Some(known), Some(stored)) = (known, &stored)
            && known > stored.version
        {
            return;
        }
        self.uses += 1;
        let entry = Entry {
            account: stored,
            used: self.uses,
            standing: Standing::Exact,
        };
        self.by_use.insert(self.uses, folded.clone());
        if let Some(before) = self.read.insert(folded, entry) {
            self.by_use.remove(&before.used);
        }
    }

    /// Takes in what was read from the store under this name.
    pub(crate) fn put_read(&mut self, name: &DeviceName, stored: Option<Account>) {
        let entry = self.read.get(&name.folded());
        if entry.is_none_or(|entry| entry.standing != Standing::TakenAsGone) {
            self.put(name, stored);
        }
    }

    /// Makes room for one more among those that are not held.
    pub(crate) fn make_room(&mut self, is_held: impl Fn(&str, Option<&Account>) -> bool) {
        for _ in 0..LOOKED_AT {
            if self.read.len() < self.capacity {
                return;
            }
            let Some((_, folded)) = self.by_use.pop_first() else {
                return;
            };
            let Some(entry) = self.read.get_mut(&folded) else {
                continue;
            };
            if entry.standing == Standing::TakenAsGone || is_held(&folded, entry.account.as_ref()) {
                self.uses += 1;
                entry.used = self.uses;
                self.by_use.insert(self.uses, folded);
            } else {
                self.read.remove(&folded);
            }
        }
    }

    /// A change of the account may have been made, or it was another than the entry says.
    pub(crate) fn doubt(&mut self, name: &DeviceName) {
        if let Some(entry) = self.read.get_mut(&name.folded())
            && entry.standing != Standing::TakenAsGone
        {
            entry.standing = Standing::Doubtful;
        }
    }

    /// Somebody else has changed the account in the store.
    pub(crate) fn note_change(&mut self, name: &DeviceName) {
        if let Some(entry) = self.read.get_mut(&name.folded()) {
            entry.standing = Standing::Doubtful;
        }
    }

    /// Nobody knows whether the store has taken password and key away: the device is refused as if it
    /// had.
    pub(crate) fn take_login_as_gone(&mut self, name: &DeviceName) {
        self.take_as_gone(name, |account| {
            (account.password_hash, account.key) = (None, None);
        });
    }

    /// The same of a key alone.
    pub(crate) fn take_key_as_gone(&mut self, name: &DeviceName) {
        self.take_as_gone(name, |account| account.key = None);
    }

    fn take_as_gone(&mut self, name: &DeviceName, take: impl FnOnce(&mut Account)) {
        let Some(entry) = self.read.get_mut(&name.folded()) else {
            return;
        };
        if let Some(account) = entry.account.as_mut().filter(|own| own.name == *name) {
            take(account);
            entry.standing = Standing::TakenAsGone;
        }
    }

    /// There is no account of this name.
    pub(crate) fn remove(&mut self, name: &DeviceName) {
        if self.holder(name).is_none_or(|holder| holder == name) {
            self.put(name, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::WallTime;

    use super::*;
    use crate::store::calls::AccountVersion;

    fn name(number: usize) -> DeviceName {
        format!("cam-{number}").parse().unwrap()
    }

    fn account(number: usize, version: u64) -> Account {
        Account {
            name: name(number),
            password_hash: None,
            created: WallTime::from_unix_millis(0),
            key: None,
            version: AccountVersion(version),
        }
    }

    fn read(accounts: &mut Accounts, number: usize, is_held: impl Fn(&str) -> bool) {
        accounts.make_room(|folded, _| is_held(folded));
        // Every other name has no account: that takes room too.
        let stored = number.is_multiple_of(2).then(|| account(number, 1));
        accounts.put_read(&name(number), stored);
    }

    #[test]
    fn those_that_were_used_last_stay() {
        let mut accounts = Accounts::with_room_for(10);
        for number in 0..1000 {
            read(&mut accounts, number, |_| false);
            assert!(accounts.read.len() <= 10 && accounts.by_use.len() <= 10);
            assert!(number < 5 || accounts.is_read(&name(5)), "it is used");
        }
        assert!(accounts.is_read(&name(999)) && !accounts.is_read(&name(500)));
    }

    #[test]
    fn those_that_are_held_stay_and_leave_the_others_little_room() {
        let mut accounts = Accounts::with_room_for(10);
        for number in 0..10_000 {
            read(&mut accounts, number, |folded| {
                folded.len() <= "cam-99".len()
            });
        }
        assert!((0..100).all(|number| accounts.is_read(&name(number))));
        assert!(
            accounts.read.len() <= 100 * 8 / 7 + 1,
            "{}",
            accounts.read.len()
        );
    }

    #[test]
    fn an_earlier_state_changes_nothing() {
        let mut accounts = Accounts::with_room_for(10);
        accounts.put(&name(1), Some(account(1, 5)));
        accounts.put(&name(1), Some(account(1, 4)));
        assert_eq!(accounts.get(&name(1)).unwrap().version, AccountVersion(5));
        let other_case = "CAM-1".parse().unwrap();
        assert_eq!(accounts.holder(&other_case), Some(&name(1)));
        assert!(!accounts.contains(&other_case));
        accounts.doubt(&name(1));
        assert!(accounts.look_up(&name(1)).is_err() && accounts.contains(&name(1)));
    }
}
