//! The tickets in memory: what the store has committed, and which uses are under way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fleetlink_proto::control::limits::{
    MAX_FINISHED_TICKETS, MAX_OPEN_TICKETS, MAX_WAITING_REDEMPTIONS,
};
use fleetlink_proto::ticket::{NamePrefix, TicketHash, TicketNumber, TicketSubject};
use fleetlink_proto::{DeviceName, WallTime};

use crate::access::accounts::{Accounts, NotRead};
use crate::access::redemption::Redemption;
use crate::call::Call;
use crate::console::tickets::Refusal;
use crate::store::ticket::{Ticket, TicketStanding, TicketUse};

/// The tickets, by number. They change only after the store has committed the change.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    by_number: BTreeMap<TicketNumber, Ticket>,
    by_hash: BTreeMap<TicketHash, TicketNumber>,
    last: TicketNumber,
    /// The names of each ticket's uses that the store has not decided.
    under_way: BTreeMap<TicketNumber, BTreeSet<DeviceName>>,
    /// By ticket, in the order of arrival: those for which none is left if those under way succeed.
    waiting: BTreeMap<TicketNumber, VecDeque<Call<Redemption>>>,
}

/// The decision about a use of a ticket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The store shall do it, for this name.
    Use(DeviceName),
    /// It was done before, for this name: the answer was lost.
    DoneBefore(DeviceName),
    /// Those under way come first.
    Wait,
    /// It is not done.
    Refuse(Refusal),
}

/// The data that have to be read from the store before a use is decided.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Account(NotRead),
    /// A free name of this prefix and a number that is not smaller.
    FreeName(NamePrefix, u32),
}

impl From<NotRead> for Missing {
    fn from(not_read: NotRead) -> Self {
        Missing::Account(not_read)
    }
}

impl Tickets {
    pub(crate) fn find(&self, hash: &TicketHash) -> Option<TicketNumber> {
        self.by_hash.get(hash).copied()
    }

    pub(crate) fn get(&self, number: TicketNumber) -> Option<&Ticket> {
        self.by_number.get(&number)
    }

    /// The tickets in the order in which they were issued.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Ticket> {
        self.by_number.values()
    }

    /// The number of the next ticket.
    pub(crate) fn next_number(&mut self) -> TicketNumber {
        self.last = TicketNumber(self.last.0.saturating_add(1));
        self.last
    }

    /// Whether one more may be open.
    pub(crate) fn has_room(&self, now: WallTime) -> bool {
        let open = |ticket: &&Ticket| ticket.standing(now) == TicketStanding::Open;
        self.iter().filter(open).count() < MAX_OPEN_TICKETS
    }

    /// The finished ones that make room for another, the oldest first.
    pub(crate) fn superfluous(&self, now: WallTime) -> Vec<TicketNumber> {
        let finished = |ticket: &&Ticket| ticket.standing(now) != TicketStanding::Open;
        let finished: Vec<_> = self.iter().filter(finished).map(|t| t.number).collect();
        let excess = (finished.len() + 1).saturating_sub(MAX_FINISHED_TICKETS);
        finished.into_iter().take(excess).collect()
    }

    pub(crate) fn insert(&mut self, ticket: Ticket) {
        self.last = self.last.max(ticket.number);
        self.by_hash.insert(ticket.hash, ticket.number);
        self.by_number.insert(ticket.number, ticket);
    }

    pub(crate) fn forget(&mut self, number: TicketNumber) {
        if let Some(ticket) = self.by_number.remove(&number) {
            self.by_hash.remove(&ticket.hash);
        }
    }

    pub(crate) fn revoke(&mut self, number: TicketNumber, at: WallTime) {
        if let Some(ticket) = self.by_number.get_mut(&number) {
            ticket.revoked.get_or_insert(at);
        }
    }

    /// The store has committed a use.
    pub(crate) fn record(&mut self, number: TicketNumber, used: TicketUse) {
        if let Some(ticket) = self.by_number.get_mut(&number)
            && !ticket.used.iter().any(|before| before.name == used.name)
        {
            ticket.used.push(used);
        }
    }

    /// A use for this name goes to the store: it counts from here on.
    pub(crate) fn begin(&mut self, number: TicketNumber, name: &DeviceName) {
        let names = self.under_way.entry(number).or_default();
        names.insert(name.clone());
    }

    /// It is decided.
    pub(crate) fn release(&mut self, number: TicketNumber, name: &DeviceName) {
        if let Some(names) = self.under_way.get_mut(&number) {
            names.remove(name);
            if names.is_empty() {
                self.under_way.remove(&number);
            }
        }
    }

    /// Puts a use behind those of its ticket that wait; back where too many do.
    pub(crate) fn wait(&mut self, call: Call<Redemption>) -> Result<(), Call> {
        let waiting = self.waiting.entry(call.command.ticket).or_default();
        if waiting.len() >= MAX_WAITING_REDEMPTIONS {
            return Err(call.split().1);
        }
        waiting.push_back(call);
        Ok(())
    }

    /// Those that wait for this ticket, to be decided anew.
    pub(crate) fn take_waiting(&mut self, number: TicketNumber) -> VecDeque<Call<Redemption>> {
        self.waiting.remove(&number).unwrap_or_default()
    }

    /// Decides what becomes of a use at this time.
    pub(crate) fn decide(
        &self,
        asked: &Redemption,
        accounts: &Accounts,
        now: WallTime,
    ) -> Result<Verdict, Missing> {
        let Some(ticket) = self.by_number.get(&asked.ticket) else {
            return Ok(Verdict::Refuse(Refusal::Unknown));
        };
        if let Some(name) = done_before(ticket, asked, accounts)? {
            return Ok(Verdict::DoneBefore(name));
        }
        let refusal = match ticket.standing(now) {
            TicketStanding::Open => None,
            TicketStanding::Used => Some(Refusal::Used),
            TicketStanding::Revoked => Some(Refusal::Revoked),
            TicketStanding::Expired => Some(Refusal::Expired),
        };
        let name = match refusal {
            Some(refusal) => return Ok(Verdict::Refuse(refusal)),
            None => match self.name_for(ticket, asked, accounts)? {
                Ok(name) => name,
                Err(refusal) => return Ok(Verdict::Refuse(refusal)),
            },
        };
        let under_way = self.under_way.get(&ticket.number);
        let count = under_way.map_or(0, BTreeSet::len);
        let is_under_way = under_way.is_some_and(|names| names.contains(&name));
        if is_under_way || ticket.used.len() + count >= ticket.uses as usize {
            return Ok(Verdict::Wait);
        }
        Ok(Verdict::Use(name))
    }

    /// The name of the device that a use is for.
    fn name_for(
        &self,
        ticket: &Ticket,
        asked: &Redemption,
        accounts: &Accounts,
    ) -> Result<Result<DeviceName, Refusal>, Missing> {
        let other = || Refusal::OtherName(ticket.subject.clone());
        Ok(match (&ticket.subject, &asked.name) {
            (TicketSubject::Name(own), Some(name)) if name != own => Err(other()),
            (TicketSubject::Name(own), _) => match accounts.look_up(own)? {
                Some(holder) if holder.name != *own => Err(Refusal::NameTaken(holder.name.clone())),
                _ => Ok(own.clone()),
            },
            (TicketSubject::Prefix(prefix), Some(name)) if !prefix.begins(name) => Err(other()),
            (TicketSubject::Prefix(_), Some(name)) => match taken_by(name, ticket, accounts)? {
                Some(holder) => Err(Refusal::NameTaken(holder)),
                None => Ok(name.clone()),
            },
            (TicketSubject::Prefix(prefix), None) => {
                let Some(name) = &asked.free_name else {
                    return Err(Missing::FreeName(prefix.clone(), asked.first_number));
                };
                let under_way = self.under_way.get(&ticket.number);
                let is_under_way = under_way.is_some_and(|names| names.contains(name));
                if is_under_way || taken_by(name, ticket, accounts)?.is_some() {
                    let next = prefix
                        .number_of(name)
                        .map_or(u32::MAX, |n| n.saturating_add(1));
                    return Err(Missing::FreeName(prefix.clone(), next));
                }
                Ok(name.clone())
            }
        })
    }
}

/// Returns the holder of this name: an account, or a device for which the ticket was used.
fn taken_by(
    name: &DeviceName,
    ticket: &Ticket,
    accounts: &Accounts,
) -> Result<Option<DeviceName>, NotRead> {
    let holder = accounts.look_up(name)?.map(|account| account.name.clone());
    let used = || ticket.used.iter().any(|before| before.name == *name);
    Ok(holder.or_else(|| used().then(|| name.clone())))
}

/// The name for which this very use was made before, where its device still has the key.
fn done_before(
    ticket: &Ticket,
    asked: &Redemption,
    accounts: &Accounts,
) -> Result<Option<DeviceName>, NotRead> {
    let same = |used: &&TicketUse| {
        used.key == asked.key && asked.name.as_ref().is_none_or(|name| *name == used.name)
    };
    let Some(used) = ticket.used.iter().find(same) else {
        return Ok(None);
    };
    let account = accounts
        .look_up(&used.name)?
        .filter(|account| account.name == used.name);
    let key = account.and_then(|account| account.key.as_ref());
    let has_key = key.is_some_and(|own| own.key == asked.key);
    Ok(has_key.then(|| used.name.clone()))
}

impl FromIterator<Ticket> for Tickets {
    fn from_iter<I: IntoIterator<Item = Ticket>>(tickets: I) -> Self {
        let mut all = Tickets::default();
        for ticket in tickets {
            all.insert(ticket);
        }
        all
    }
}
