//! The accounts and tickets of the store behind a hub, as far as a test has the store do what it is
//! asked.

use std::collections::BTreeMap;

use fleetlink_core::{
    Account, AccountVersion, Admission, Change, NewTicket, PageSession, Query, StoreCall,
    StoreReply, Ticket, TicketRoom, TicketStanding, TicketUse, WebLogin,
};
use fleetlink_proto::access::{AccessHash, Role};
use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::ticket::TicketNumber;
use fleetlink_proto::{DeviceName, WallTime};

#[derive(Default)]
pub(crate) struct Stored {
    accounts: BTreeMap<DeviceName, Account>,
    pub(crate) tickets: BTreeMap<TicketNumber, Ticket>,
    last: u64,
    /// The admissions of the secrets' holders.
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
            (StoreCall::Change(change), StoreReply::Account(Some(account))) => {
                self.note_use(change);
                self.put(account)
            }
            (_, reply) => reply,
        }
    }

    /// The answer to a question about accounts and tickets.
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
            Query::FreeName {
                ticket,
                prefix,
                from,
            } => {
                let mut names = (*from..u32::MAX).map_while(|number| prefix.numbered(number));
                let used = |name: &DeviceName| {
                    let ticket = self.tickets.get(ticket);
                    ticket.is_some_and(|ticket| ticket.used.iter().any(|used| used.name == *name))
                };
                let free = names.find(|name| holder(name).is_none() && !used(name));
                Some(StoreReply::FreeName(free))
            }
            Query::Admission { secret } => {
                Some(StoreReply::Admission(self.admissions.get(secret).cloned()))
            }
            Query::WebLogin { name } => {
                let found = self.logins.iter().find(|login| login.name == *name);
                Some(StoreReply::WebLogin(found.cloned()))
            }
            Query::Ticket(number) => {
                let found = self.tickets.get(number).cloned();
                Some(StoreReply::Ticket(found.map(Box::new)))
            }
            Query::TicketOf(hash) => {
                let found = self.tickets.values().find(|ticket| ticket.hash == *hash);
                Some(StoreReply::Ticket(found.cloned().map(Box::new)))
            }
            Query::Tickets { after, limit } => {
                let later = self.tickets.values();
                let later = later.filter(|ticket| Some(ticket.number) > *after);
                let page = later.take(*limit as usize).cloned();
                Some(StoreReply::Tickets(page.collect()))
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
            Change::AddTicket { ticket, room } => {
                StoreReply::Ticket(self.issue(ticket, *room).map(Box::new))
            }
            Change::RevokeTicket { ticket, at } => {
                let ticket = self.tickets.get_mut(ticket).expect("a ticket");
                if ticket.standing(*at) == TicketStanding::Open {
                    ticket.revoked = Some(*at);
                }
                StoreReply::Ticket(Some(Box::new(ticket.clone())))
            }
            _ => StoreReply::Done,
        }
    }

    fn issue(&mut self, new: &NewTicket, room: TicketRoom) -> Option<Ticket> {
        let is_open = |ticket: &Ticket| ticket.standing(new.created) == TicketStanding::Open;
        let open = self.tickets.values().filter(|t| is_open(t)).count();
        if open >= room.open {
            return None;
        }
        let finished = self.tickets.values().filter(|t| !is_open(t));
        let finished: Vec<_> = finished.map(|ticket| ticket.number).collect();
        let excess = (finished.len() + 1).saturating_sub(room.finished);
        let last = self.tickets.keys().next_back().copied().unwrap_or_default();
        for number in finished.iter().take(excess) {
            self.tickets.remove(number);
        }
        let ticket = new.clone().numbered(TicketNumber(last.0 + 1));
        self.tickets.insert(ticket.number, ticket.clone());
        Some(ticket)
    }

    fn note_use(&mut self, change: &Change) {
        if let Change::RedeemTicket { ticket, name, key } = change
            && let Some(ticket) = self.tickets.get_mut(ticket)
            && ticket.used.iter().all(|used| used.name != *name)
        {
            ticket.used.push(TicketUse {
                name: name.clone(),
                key: key.key,
                at: key.enrolled,
            });
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
