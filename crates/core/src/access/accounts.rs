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
/// that were used last stay. So the number of entries is at most the capacity or, where more are held
/// or have an unknown outcome, about 8/7 of those.
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
    taken: Taken,
}

/// The relation of an entry to the state in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Exact,
    /// It may have changed: it is read again before it is needed the next time.
    Doubtful,
}

/// The login that a change of unknown outcome may have removed from the store. The entry counts as without
/// it, whatever is read, until the store reports another change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Taken {
    Nothing,
    Key,
    /// Password and key.
    Login,
}

impl Taken {
    fn take_from(self, account: &mut Account) {
        match self {
            Taken::Nothing => {}
            Taken::Key => account.key = None,
            Taken::Login => (account.password_hash, account.key) = (None, None),
        }
    }
}

/// A name whose account has to be read from the store first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotRead(pub(crate) DeviceName);

impl Accounts {
    pub(crate) fn with_room_for(capacity: usize) -> Self {
        Accounts {
            // Fewer than one call may need make it read for ever.
            capacity: capacity.max(LOOKED_AT + 1),
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
            // Whether the token is one is not the account's to say.
            Proof::Token(_) => true,
        })
    }

    /// Whether a caller is still who it was found to be at its door.
    pub(crate) fn is_present(&self, caller: &Caller) -> bool {
        match caller {
            Caller::Device { name, proof, .. } => self.is_proved(name, proof),
            Caller::Nobody | Caller::Operator | Caller::Administrator(_) | Caller::Viewer(_) => {
                true
            }
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
            taken: Taken::Nothing,
        };
        self.by_use.insert(self.uses, folded.clone());
        if let Some(before) = self.read.insert(folded, entry) {
            self.by_use.remove(&before.used);
        }
    }

    /// Takes in what was read from the store under this name.
    pub(crate) fn put_read(&mut self, name: &DeviceName, stored: Option<Account>) {
        let before = self.read.get(&name.folded());
        let taken = before.map_or(Taken::Nothing, |entry| entry.taken);
        let holder = self.last_name(name);
        self.put(name, stored);
        let entry = self.read.get_mut(&name.folded());
        if let Some(entry) = entry.filter(|_| taken != Taken::Nothing)
            && let Some(account) = &mut entry.account
            && holder.as_ref() == Some(&account.name)
        {
            taken.take_from(account);
            entry.taken = taken;
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
            if entry.taken != Taken::Nothing || is_held(&folded, entry.account.as_ref()) {
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
        if let Some(entry) = self.read.get_mut(&name.folded()) {
            entry.standing = Standing::Doubtful;
        }
    }

    /// Somebody else has changed the account in the store.
    pub(crate) fn note_change(&mut self, name: &DeviceName) {
        if let Some(entry) = self.read.get_mut(&name.folded()) {
            (entry.standing, entry.taken) = (Standing::Doubtful, Taken::Nothing);
        }
    }

    /// Nobody knows whether the store has taken password and key away: the device is refused as if it
    /// had. The rest is read again.
    pub(crate) fn take_login_as_gone(&mut self, name: &DeviceName) {
        self.take_as_gone(name, Taken::Login);
    }

    /// The same of a key alone.
    pub(crate) fn take_key_as_gone(&mut self, name: &DeviceName) {
        self.take_as_gone(name, Taken::Key);
    }

    fn take_as_gone(&mut self, name: &DeviceName, taken: Taken) {
        let Some(entry) = self.read.get_mut(&name.folded()) else {
            return;
        };
        if let Some(account) = entry.account.as_mut().filter(|own| own.name == *name) {
            taken.take_from(account);
            entry.taken = entry.taken.max(taken);
            entry.standing = Standing::Doubtful;
        }
    }

    /// The store has said that this account has no key. What else it has, is read again.
    pub(crate) fn note_no_key(&mut self, name: &DeviceName) {
        let Some(entry) = self.read.get_mut(&name.folded()) else {
            return;
        };
        if let Some(account) = entry.account.as_mut().filter(|own| own.name == *name) {
            account.key = None;
            entry.taken = match entry.taken {
                Taken::Login => Taken::Login,
                Taken::Key | Taken::Nothing => Taken::Nothing,
            };
            entry.standing = Standing::Doubtful;
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
    use fleetlink_proto::{DeviceKey, WallTime};

    use super::*;
    use crate::store::calls::{AccountVersion, PasswordHash};

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
    fn an_account_that_has_no_key_to_revoke_makes_room_like_others() {
        let mut accounts = Accounts::with_room_for(10);
        for number in (0..10_000).map(|number| 2 * number) {
            read(&mut accounts, number, |_| false);
            accounts.doubt(&name(number));
            accounts.note_no_key(&name(number));
        }
        assert!(accounts.read.len() <= 10, "{}", accounts.read.len());
    }

    /// A call may need two at once.
    #[test]
    fn even_the_smallest_has_room_for_two_beside_those_that_are_held() {
        for held in 0..20 {
            let mut accounts = Accounts::with_room_for(1);
            let is_held = |folded: &str| folded.starts_with("cam-1");
            for number in 100..100 + held {
                read(&mut accounts, number, is_held);
            }
            read(&mut accounts, 2, is_held);
            read(&mut accounts, 3, is_held);
            assert!(accounts.is_read(&name(2)) && accounts.is_read(&name(3)));
        }
    }

    #[test]
    fn what_may_be_gone_is_gone_whatever_is_read_until_the_next_change() {
        let keyed = |version| Account {
            password_hash: Some(PasswordHash::new("right")),
            key: Some(EnrolledKey {
                key: DeviceKey::from_bytes([1; 32]),
                enrolled: WallTime::from_unix_millis(0),
            }),
            ..account(1, version)
        };
        let mut accounts = Accounts::with_room_for(10);
        accounts.put_read(&name(1), Some(keyed(1)));
        accounts.take_key_as_gone(&name(1));
        assert!(!accounts.is_read(&name(1)), "the rest is read again");
        accounts.put_read(&name(1), Some(keyed(2)));
        let found = accounts.get(&name(1)).unwrap();
        assert!(found.key.is_none() && found.password_hash.is_some());
        accounts.take_login_as_gone(&name(1));
        accounts.take_key_as_gone(&name(1));
        accounts.put_read(&name(1), Some(keyed(3)));
        let found = accounts.get(&name(1)).unwrap();
        assert!(found.key.is_none() && found.password_hash.is_none());
        accounts.put(&name(1), Some(keyed(4)));
        assert_eq!(accounts.get(&name(1)), Some(&keyed(4)));
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
