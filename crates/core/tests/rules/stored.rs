//! The accounts of the store behind a hub, as far as a test has the store do what it is asked.

use std::collections::BTreeMap;

use fleetlink_core::{
    Account, AccountVersion, Admission, Change, PageSession, Query, StoreCall, StoreReply, WebLogin,
};
use fleetlink_proto::access::{AccessHash, Role};
use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::{DeviceName, WallTime};

#[derive(Default)]
pub(crate) struct Stored {
    accounts: BTreeMap<DeviceName, Account>,
    last: u64,
    /// What secrets admit their holders as.
    pub(crate) admissions: BTreeMap<AccessHash, Admission>,
    /// The logins of people.
    pub(crate) logins: Vec<WebLogin>,
}

/// The secret of a session of the administrator `ana`.
pub(crate) const ADMINISTRATOR: AccessHash = AccessHash::from_bytes([1; 32]);
/// The secret of a session of the viewer `vic`.
pub(crate) const VIEWER: AccessHash = AccessHash::from_bytes([2; 32]);

fn session(login: &str, role: Role) -> Admission {
    let used = WallTime::from_unix_millis(1_664_533_873_000);
    Admission::Session(PageSession {
        login: Some(login.parse().unwrap()),
        role,
        opened: used,
        used,
    })
}

impl Stored {
    pub(crate) fn with(accounts: &[Account]) -> Self {
        let mut stored = Stored {
            admissions: BTreeMap::from([
                (ADMINISTRATOR, session("ana", Role::Administrator)),
                (VIEWER, session("vic", Role::Viewer)),
            ]),
            ..Stored::default()
        };
        accounts.iter().cloned().for_each(|a| _ = stored.put(a));
        stored
    }

    /// Does a call for which a test gives this reply. `Done` becomes the account as the change leaves
    /// it, where the call is one that is told so.
    pub(crate) fn follow(&mut self, call: &StoreCall, reply: StoreReply) -> StoreReply {
        match (call, reply) {
            (StoreCall::Change(Change::RemoveAccount { name }), reply) => {
                self.accounts.remove(name);
                reply
            }
            (StoreCall::Change(change), StoreReply::Done) => self.apply(change),
            (StoreCall::Change(_), StoreReply::Account(Some(account))) => self.put(account),
            (_, reply) => reply,
        }
    }

    /// The answer to a question about accounts.
    pub(crate) fn read(&self, call: &StoreCall) -> Option<StoreReply> {
        let StoreCall::Query(query) = call else {
            return None;
        };
        let holder = |name: &DeviceName| {
            let mut accounts = self.accounts.values();
            accounts.find(|account| account.name.folded() == name.folded())
        };
        match query {
            Query::Account { name } => Some(StoreReply::Account(holder(name).cloned())),
            Query::Accounts { after, limit } => {
                let later = self.accounts.values();
                let later = later.filter(|account| Some(&account.name) > after.as_ref());
                let page = later.take(*limit as usize).cloned();
                Some(StoreReply::Accounts(page.collect()))
            }
            Query::FreeName { prefix, from } => {
                let mut names = (*from..u32::MAX).map_while(|number| prefix.numbered(number));
                let free = names.find(|name| holder(name).is_none());
                Some(StoreReply::FreeName(free))
            }
            Query::Admission { secret } => {
                Some(StoreReply::Admission(self.admissions.get(secret).cloned()))
            }
            Query::WebLogin { name } => {
                let found = self.logins.iter().find(|login| login.name == *name);
                Some(StoreReply::WebLogin(found.cloned()))
            }
            _ => None,
        }
    }

    fn put(&mut self, mut account: Account) -> StoreReply {
        self.last += 1;
        account.version = AccountVersion(self.last);
        self.accounts.insert(account.name.clone(), account.clone());
        StoreReply::Account(Some(account))
    }

    fn apply(&mut self, change: &Change) -> StoreReply {
        match change {
            Change::AddAccount(account) => self.put(account.clone()),
            Change::SetPassword {
                name,
                password_hash,
            } => self.change(name, |account| {
                account.password_hash = Some(password_hash.clone());
            }),
            Change::ImportLogin { given, at, applies } => {
                if *applies {
                    let hash = Some(given.password_hash.clone());
                    let account = self.get(&given.name).unwrap_or_else(|| Account {
                        name: given.name.clone(),
                        password_hash: None,
                        created: *at,
                        key: None,
                        version: AccountVersion::default(),
                    });
                    return self.put(Account {
                        password_hash: hash,
                        ..account
                    });
                }
                StoreReply::Account(self.get(&given.name))
            }
            Change::RemoveLogin { name, .. } => self.change(name, |account| {
                (account.password_hash, account.key) = (None, None);
            }),
            Change::SetKey { name, key, .. } => self.change(name, |account| {
                account.key = Some(key.clone());
            }),
            Change::RemoveKey { name } => self.change(name, |account| account.key = None),
            _ => StoreReply::Done,
        }
    }

    fn get(&self, name: &DeviceName) -> Option<Account> {
        self.accounts.get(name).cloned()
    }

    /// An account that the test has not made is one whose adding had an unknown outcome.
    fn change(&mut self, name: &DeviceName, change: impl FnOnce(&mut Account)) -> StoreReply {
        let mut account = self.get(name).unwrap_or_else(|| Account {
            name: name.clone(),
            password_hash: None,
            created: WallTime::from_unix_millis(0),
            key: None::<EnrolledKey>,
            version: AccountVersion::default(),
        });
        change(&mut account);
        self.put(account)
    }
}
