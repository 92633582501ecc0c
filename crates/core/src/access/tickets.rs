//! The uses of tickets that are not decided. The tickets themselves are in the store, whose change
//! decides each use; what is here saves it the uses that could not succeed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fleetlink_proto::control::limits::{MAX_OPEN_TICKETS, MAX_WAITING_REDEMPTIONS};
use fleetlink_proto::ticket::{NamePrefix, TicketNumber, TicketSubject};
use fleetlink_proto::{DeviceName, WallTime};

use crate::access::accounts::{Accounts, NotRead};
use crate::access::numbers::Numbers;
use crate::access::redemption::{Redemption, SeenTicket};
use crate::call::Call;
use crate::console::tickets::Refusal;
use crate::ids::OperationId;
use crate::store::ticket::{Ticket, TicketStanding};

/// The uses that are not decided, by ticket.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    tickets: BTreeMap<TicketNumber, UnderWay>,
    numbers: Numbers,
    /// Tickets of which nobody knows whether they are revoked. They are refused as if they were.
    taken_as_revoked: BTreeMap<TicketNumber, WallTime>,
}

/// The uses under way of one ticket.
#[derive(Debug, Default)]
struct UnderWay {
    /// The names of the uses that the store has not decided.
    names: BTreeSet<DeviceName>,
    /// In the order of arrival: those for which no use is left if those under way succeed, and those that
    /// need the next free name.
    waiting: VecDeque<Call<Redemption>>,
    /// Whether a free name is being looked for.
    is_searching: bool,
    /// The read of the ticket for those that wait.
    reading: Option<Reading>,
}

#[derive(Debug)]
struct Reading {
    operation: OperationId,
    /// Whether the ticket may have changed since.
    is_outdated: bool,
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
    FreeName(TicketNumber, NamePrefix, u32),
}

impl From<NotRead> for Missing {
    fn from(not_read: NotRead) -> Self {
        Missing::Account(not_read)
    }
}

impl Uses {
    /// A use for this name goes to the store: it counts from here on.
    pub(crate) fn begin(&mut self, ticket: TicketNumber, name: &DeviceName) {
        let under_way = self.tickets.entry(ticket).or_default();
        under_way.names.insert(name.clone());
    }

    /// A use is decided.
    pub(crate) fn release(&mut self, ticket: TicketNumber, name: &DeviceName) {
        self.with(ticket, |under_way| _ = under_way.names.remove(name));
    }

    /// The hub has chosen this name for a use of the ticket.
    pub(crate) fn name_chosen(&mut self, ticket: &SeenTicket, name: &DeviceName) {
        if let TicketSubject::Prefix(prefix) = &ticket.subject
            && let Some(number) = prefix.number_of(name)
        {
            self.numbers.take(ticket.number, prefix, number);
        }
    }

    /// There may be no account of this name.
    pub(crate) fn name_given_back(&mut self, name: &DeviceName) {
        self.numbers.give_back(name);
    }

    pub(crate) fn search_begins(&mut self, ticket: TicketNumber) {
        self.tickets.entry(ticket).or_default().is_searching = true;
    }

    pub(crate) fn search_ended(&mut self, ticket: TicketNumber) {
        self.with(ticket, |under_way| under_way.is_searching = false);
    }

    /// Puts a use behind those of its ticket that wait; back where too many do.
    pub(crate) fn wait(
        &mut self,
        ticket: TicketNumber,
        call: Call<Redemption>,
    ) -> Result<(), Box<Call>> {
        let waiting = &mut self.tickets.entry(ticket).or_default().waiting;
        if waiting.len() >= MAX_WAITING_REDEMPTIONS {
            return Err(Box::new(call.split().1));
        }
        waiting.push_back(call);
        Ok(())
    }

    /// Puts a use that the store has refused before those that wait. It was under way, so it is one of
    /// as many as the ticket has uses.
    pub(crate) fn wait_first(&mut self, ticket: TicketNumber, call: Call<Redemption>) {
        let waiting = &mut self.tickets.entry(ticket).or_default().waiting;
        waiting.push_front(call);
    }

    /// Takes those that wait for this ticket.
    pub(crate) fn take_waiting(&mut self, ticket: TicketNumber) -> VecDeque<Call<Redemption>> {
        let mut waiting = VecDeque::new();
        self.with(ticket, |under_way| {
            waiting = std::mem::take(&mut under_way.waiting);
        });
        waiting
    }

    /// Puts those back that still wait.
    pub(crate) fn put_back(&mut self, ticket: TicketNumber, waiting: VecDeque<Call<Redemption>>) {
        self.tickets.entry(ticket).or_default().waiting = waiting;
    }

    /// Whether the ticket is being read for those that wait. What is read is outdated then.
    pub(crate) fn outdate(&mut self, ticket: TicketNumber) -> bool {
        let under_way = self.tickets.get_mut(&ticket);
        let reading = under_way.and_then(|under_way| under_way.reading.as_mut());
        let is_reading = reading.is_some();
        if let Some(reading) = reading {
            reading.is_outdated = true;
        }
        is_reading
    }

    /// The ticket is read for those that wait.
    pub(crate) fn begin_reading(&mut self, ticket: TicketNumber, operation: OperationId) {
        self.tickets.entry(ticket).or_default().reading = Some(Reading {
            operation,
            is_outdated: false,
        });
    }

    /// The read for those that wait is answered, if it is this one: whether it is outdated.
    pub(crate) fn end_reading(
        &mut self,
        ticket: TicketNumber,
        operation: OperationId,
    ) -> Option<bool> {
        let mut ended = None;
        self.with(ticket, |under_way| {
            let reading = under_way.reading.take_if(|r| r.operation == operation);
            ended = reading.map(|reading| reading.is_outdated);
        });
        ended
    }

    fn with(&mut self, ticket: TicketNumber, then: impl FnOnce(&mut UnderWay)) {
        let Some(under_way) = self.tickets.get_mut(&ticket) else {
            return;
        };
        then(under_way);
        if under_way.is_over() {
            self.tickets.remove(&ticket);
        }
    }

    /// Nobody knows whether the store has revoked this ticket. Whoever revokes one has a reason.
    pub(crate) fn take_as_revoked(&mut self, ticket: TicketNumber, at: WallTime) {
        self.taken_as_revoked.entry(ticket).or_insert(at);
        if self.taken_as_revoked.len() > MAX_OPEN_TICKETS {
            self.taken_as_revoked.pop_first();
        }
    }

    /// The ticket as the hub sees it, which the store has told so.
    pub(crate) fn seen(&mut self, ticket: &mut Ticket) {
        match ticket.revoked {
            Some(_) => _ = self.taken_as_revoked.remove(&ticket.number),
            None => ticket.revoked = self.taken_as_revoked.get(&ticket.number).copied(),
        }
    }

    fn standing(&self, ticket: &SeenTicket, now: WallTime) -> TicketStanding {
        match ticket.standing(now) {
            TicketStanding::Open if self.taken_as_revoked.contains_key(&ticket.number) => {
                TicketStanding::Revoked
            }
            standing => standing,
        }
    }

    /// Decides what becomes of a use at this time.
    pub(crate) fn decide(
        &self,
        asked: &Redemption,
        accounts: &Accounts,
        now: WallTime,
    ) -> Result<Verdict, Missing> {
        let Some(ticket) = &asked.ticket else {
            return Ok(Verdict::Refuse(Refusal::Unknown));
        };
        if let Some(name) = done_before(ticket, asked, accounts)? {
            return Ok(Verdict::DoneBefore(name));
        }
        let refusal = match self.standing(ticket, now) {
            TicketStanding::Open if asked.is_refused => Some(Refusal::Used),
            TicketStanding::Open => None,
            TicketStanding::Used => Some(Refusal::Used),
            TicketStanding::Revoked => Some(Refusal::Revoked),
            TicketStanding::Expired => Some(Refusal::Expired),
        };
        if let Some(refusal) = refusal {
            return Ok(Verdict::Refuse(refusal));
        }
        let name = match self.name_for(ticket, asked, accounts)? {
            Ok(name) => name,
            Err(verdict) => return Ok(verdict),
        };
        if self.is_under_way(ticket.number, &name) || !self.has_use_left(ticket) {
            return Ok(Verdict::Wait);
        }
        Ok(Verdict::Use(name))
    }

    fn is_under_way(&self, ticket: TicketNumber, name: &DeviceName) -> bool {
        let under_way = self.tickets.get(&ticket);
        under_way.is_some_and(|under_way| under_way.names.contains(name))
    }

    /// Whether one is left if all that are under way succeed.
    fn has_use_left(&self, ticket: &SeenTicket) -> bool {
        let under_way = self.tickets.get(&ticket.number);
        under_way.map_or(0, |under_way| under_way.names.len()) < ticket.left
    }

    /// The name of the device that a use is for.
    fn name_for(
        &self,
        ticket: &SeenTicket,
        asked: &Redemption,
        accounts: &Accounts,
    ) -> Result<Result<DeviceName, Verdict>, Missing> {
        let refuse = |refusal| Err(Verdict::Refuse(refusal));
        let other = || Refusal::OtherName(ticket.subject.clone());
        Ok(match (&ticket.subject, &asked.name) {
            (TicketSubject::Name(own), Some(name)) if name != own => refuse(other()),
            (TicketSubject::Name(own), _) => match accounts.look_up(own)? {
                Some(holder) if holder.name != *own => {
                    refuse(Refusal::NameTaken(holder.name.clone()))
                }
                _ => Ok(own.clone()),
            },
            (TicketSubject::Prefix(prefix), Some(name)) if !prefix.begins(name) => refuse(other()),
            (TicketSubject::Prefix(_), Some(name)) => match accounts.look_up(name)? {
                Some(holder) => refuse(Refusal::NameTaken(holder.name.clone())),
                None if ticket.is_name_used => refuse(Refusal::NameTaken(name.clone())),
                None => Ok(name.clone()),
            },
            (TicketSubject::Prefix(prefix), None) => {
                return self.free_name(ticket, prefix, asked, accounts);
            }
        })
    }

    /// The first name of the prefix and a number that is free. One search of a ticket is under way at a
    /// time: many at once would all find the same name.
    fn free_name(
        &self,
        ticket: &SeenTicket,
        prefix: &NamePrefix,
        asked: &Redemption,
        accounts: &Accounts,
    ) -> Result<Result<DeviceName, Verdict>, Missing> {
        let mut first = asked.first_number.max(self.numbers.first(ticket.number));
        if let Some(name) = &asked.free_name {
            let is_taken = accounts.look_up(name)?.is_some();
            if !is_taken && !self.is_under_way(ticket.number, name) {
                return Ok(Ok(name.clone()));
            }
            let number = prefix.number_of(name).unwrap_or(u32::MAX);
            first = first.max(number.saturating_add(1));
        }
        let under_way = self.tickets.get(&ticket.number);
        if !self.has_use_left(ticket) || under_way.is_some_and(|under_way| under_way.is_searching) {
            return Ok(Err(Verdict::Wait));
        }
        let is_free = |number: &u32| {
            let name = prefix.numbered(*number);
            name.is_none_or(|name| !self.is_under_way(ticket.number, &name))
        };
        let first = (first..u32::MAX).find(is_free).unwrap_or(u32::MAX);
        Err(Missing::FreeName(ticket.number, prefix.clone(), first))
    }
}

impl UnderWay {
    fn is_over(&self) -> bool {
        let is_idle = !self.is_searching && self.reading.is_none();
        is_idle && self.names.is_empty() && self.waiting.is_empty()
    }
}

/// The name for which this very use was made before, where its device still has the key.
fn done_before(
    ticket: &SeenTicket,
    asked: &Redemption,
    accounts: &Accounts,
) -> Result<Option<DeviceName>, NotRead> {
    let Some(name) = &ticket.used_for else {
        return Ok(None);
    };
    let account = accounts.look_up(name)?;
    let account = account.filter(|account| account.name == *name);
    let key = account.and_then(|account| account.key.as_ref());
    let has_key = key.is_some_and(|own| own.key == asked.key);
    Ok(has_key.then(|| name.clone()))
}
