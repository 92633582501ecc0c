//! Using a ticket: an account and a key for who holds it, decided once when it is asked for, once more
//! when its turn has come, and then by the store. A use counts from when the store is asked, so the
//! store is not asked in vain for the last one.

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{ErrorCode, RedeemTicket, RpcError};
use fleetlink_proto::ticket::{TicketNumber, TicketSubject};

use crate::access::parked::Parked;
use crate::access::possession::Possession;
use crate::access::redemption::{Redemption, SeenTicket};
use crate::access::tickets::{Missing, Verdict};
use crate::call::Call;
use crate::caller::Proof;
use crate::console::tickets::{Refusal, TicketEvent};
use crate::console::{AccountChange, ConsoleEvent};
use crate::errors;
use crate::hub::Hub;
use crate::hub::queue::Job;
use crate::hub::routing::Context;
use crate::session::state::Stage;
use crate::store::audit::action::AuditAction;
use crate::store::audit::words::Outcome;
use crate::store::calls::{Account, Query, StoreError, StoreReply};
use crate::store::ticket::Ticket;
use crate::time::Now;

impl Hub {
    /// Decides about a session that says it was given a ticket.
    pub(super) fn redeem(
        &mut self,
        call: Call<RedeemTicket>,
        Context { now, possession }: Context,
    ) {
        let (request, call) = call.split();
        let label = request.name.as_ref().map_or("", DeviceName::as_str);
        if let Err(error) = self.begin_deciding(&call, label, now) {
            return call.refuse(error, &mut self.out);
        }
        match possession {
            Possession::Proven => {}
            Possession::NoChannel => return self.fail_redemption(call, errors::no_channel(), now),
            Possession::Unproven => {
                return self.fail_redemption(call, errors::key_not_shown(), now);
            }
        }
        let redemption = Redemption::new(request.ticket.hash(), request.name, request.key);
        let query = Query::TicketOf(redemption.hash);
        self.read_for(query, Parked::Redemption(call.with(redemption)), now);
    }

    /// The ticket of a use was read.
    pub(super) fn ticket_found(
        &mut self,
        mut call: Call<Redemption>,
        found: Option<&Ticket>,
        now: Now,
    ) {
        let Some(ticket) = found else {
            return self.refuse_ticket(call.split().1, None, &Refusal::Unknown, now);
        };
        call.command.see(ticket, now.wall);
        self.try_redemption(call, now);
    }

    /// Decides about a use, once all that it needs has been read.
    pub(super) fn try_redemption(&mut self, call: Call<Redemption>, now: Now) {
        match self.uses.decide(&call.command, &self.accounts, now.wall) {
            Ok(verdict) => self.follow_verdict(call, verdict, now),
            Err(missing) => self.read_missing(missing, call, now),
        }
    }

    /// Parks a use of a ticket until what it needs has been read.
    fn read_missing(&mut self, missing: Missing, call: Call<Redemption>, now: Now) {
        let call = Parked::Redemption(call);
        match missing {
            Missing::Account(not_read) => self.read_account(not_read, call, now),
            Missing::FreeName(ticket, prefix, from) => {
                let query = Query::FreeName {
                    ticket,
                    prefix,
                    from,
                };
                self.read_for(query, call, now);
            }
        }
    }

    /// The store has told a name for which it has no account.
    pub(super) fn name_found(
        &mut self,
        mut call: Call<Redemption>,
        free_name: Option<DeviceName>,
        now: Now,
    ) {
        match (free_name, &call.command.ticket) {
            (None, Some(ticket)) => {
                let refusal = Refusal::OtherName(ticket.subject.clone());
                let number = Some(ticket.number);
                self.refuse_ticket(call.split().1, number, &refusal, now);
            }
            (free_name, _) => {
                call.command.free_name = free_name;
                self.try_redemption(call, now);
            }
        }
    }

    fn follow_verdict(&mut self, call: Call<Redemption>, verdict: Verdict, now: Now) {
        match (verdict, call.command.ticket.clone()) {
            (Verdict::Use(name), Some(ticket)) => self.use_ticket(call, &ticket, &name, now),
            (Verdict::DoneBefore(name), _) => {
                let (Redemption { key, .. }, call) = call.split();
                self.accept(call, name, Proof::Key(key), now);
            }
            (Verdict::Wait, Some(ticket)) => {
                if let Err(call) = self.uses.wait(ticket.number, call) {
                    let error = errors::busy("too many uses of this ticket wait already");
                    self.fail_redemption(*call, error, now);
                }
            }
            (Verdict::Refuse(refusal), ticket) => {
                let number = ticket.map(|ticket| ticket.number);
                self.refuse_ticket(call.split().1, number, &refusal, now);
            }
            (Verdict::Use(_) | Verdict::Wait, None) => {
                self.refuse_ticket(call.split().1, None, &Refusal::Unknown, now);
            }
        }
    }

    fn use_ticket(
        &mut self,
        call: Call<Redemption>,
        ticket: &SeenTicket,
        name: &DeviceName,
        now: Now,
    ) {
        self.uses.begin(ticket.number, name);
        if call.command.name.is_none() {
            self.uses.name_chosen(ticket, name);
        }
        if let Err(call) = self.enqueue(name, Job::Redemption(call), now) {
            self.uses.release(ticket.number, name);
            self.uses.name_given_back(name);
            self.fail_redemption(*call, errors::too_many_operations(), now);
            self.redeem_waiting(ticket.number);
        }
    }

    /// A use whose turn has come, if it may still be made for this name. If not, what else becomes of
    /// it has been seen to.
    pub(super) fn may_still_redeem(
        &mut self,
        name: &DeviceName,
        call: Call<Redemption>,
        now: Now,
    ) -> Option<Call<Redemption>> {
        let Some(ticket) = call.command.number() else {
            self.refuse_ticket(call.split().1, None, &Refusal::Unknown, now);
            return None;
        };
        self.uses.release(ticket, name);
        match self.waits_for_decision(&call) {
            false => _ = call.withdraw(),
            true => match self.uses.decide(&call.command, &self.accounts, now.wall) {
                Ok(Verdict::Use(chosen)) if chosen == *name => {
                    self.uses.begin(ticket, name);
                    return Some(call);
                }
                Ok(verdict) => self.follow_verdict(call, verdict, now),
                Err(missing) => self.read_missing(missing, call, now),
            },
        }
        self.uses.name_given_back(name);
        self.redeem_waiting(ticket);
        None
    }

    /// The store answered a use.
    pub(super) fn finish_redemption(
        &mut self,
        name: &DeviceName,
        mut call: Call<Redemption>,
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) {
        let Some(ticket) = call.command.number() else {
            return self.refuse_ticket(call.split().1, None, &Refusal::Unknown, now);
        };
        self.uses.release(ticket, name);
        if result.is_err() {
            self.uses.name_given_back(name);
        }
        match result {
            Ok(StoreReply::Account(Some(account))) => self.redeemed(call, ticket, account, now),
            // Of another kind: nobody knows what the store has done.
            Ok(_) => {
                self.doubt(name);
                let error = StoreError::Unknown(errors::internal().message);
                let error = errors::of_store(error, "");
                self.fail_redemption(call.split().1, error, now);
            }
            // Somebody was faster, or the hub does not know of all that the store has done.
            Err(StoreError::Conflict(_)) => {
                self.doubt(name);
                self.redeem_another(name, call, now);
            }
            // Why it cannot be used any more, the ticket tells.
            Err(StoreError::NotFound) => {
                call.command.is_refused = true;
                self.uses.wait_first(ticket, call);
            }
            Err(error) => {
                self.doubt(name);
                let error = errors::of_store(error, "");
                self.fail_redemption(call.split().1, error, now);
            }
        }
        self.redeem_waiting(ticket);
    }

    /// The store has an account of this name: where the hub has chosen the name, it tries the next.
    fn redeem_another(&mut self, name: &DeviceName, call: Call<Redemption>, now: Now) {
        let (redemption, call) = call.split();
        let number = match (&redemption.name, &redemption.ticket) {
            (None, Some(ticket)) => match &ticket.subject {
                TicketSubject::Prefix(prefix) => prefix.number_of(name),
                TicketSubject::Name(_) => None,
            },
            _ => None,
        };
        let Some(number) = number else {
            let refusal = Refusal::NameTaken(name.clone());
            return self.refuse_ticket(call, redemption.number(), &refusal, now);
        };
        let next = Redemption {
            first_number: number.saturating_add(1),
            free_name: None,
            ..redemption
        };
        self.try_redemption(call.with(next), now);
    }

    fn redeemed(
        &mut self,
        call: Call<Redemption>,
        ticket: TicketNumber,
        account: Account,
        now: Now,
    ) {
        let (Redemption { key, .. }, call) = call.split();
        let name = account.name.clone();
        let is_new = !self.accounts.contains(&name);
        let before = self.accounts.key(&name).map(|enrolled| enrolled.key);
        self.put_account(&name, Some(account));
        self.end_sessions_without_ground(&name);
        if is_new {
            self.show_account(name.clone(), AccountChange::Added);
        }
        self.show_key_change(&name, before, key);
        let device = name.clone();
        self.show(ConsoleEvent::Ticket(TicketEvent::Used { ticket, device }));
        self.accept(call, name, Proof::Key(key), now);
    }

    /// Something was decided for which uses of this ticket wait: the ticket is read anew for them, once
    /// for all.
    pub(super) fn redeem_waiting(&mut self, ticket: TicketNumber) {
        let mut waiting = self.uses.take_waiting(ticket);
        for _ in 0..waiting.len() {
            match waiting.pop_front() {
                Some(call) if self.waits_for_decision(&call) => waiting.push_back(call),
                Some(call) => _ = call.withdraw(),
                None => {}
            }
        }
        if waiting.is_empty() {
            return;
        }
        self.uses.put_back(ticket, waiting);
        if !self.uses.outdate(ticket) {
            let operation = self.begin_read(Query::Ticket(ticket));
            self.uses.begin_reading(ticket, operation);
        }
    }

    /// The ticket was read anew, unless that is outdated: decides about those that wait.
    pub(super) fn ticket_read_again(
        &mut self,
        ticket: TicketNumber,
        is_outdated: bool,
        result: &Result<StoreReply, StoreError>,
        now: Now,
    ) {
        if is_outdated && result.is_ok() {
            return self.redeem_waiting(ticket);
        }
        for call in self.uses.take_waiting(ticket) {
            if self.waits_for_decision(&call) {
                self.go_on(Parked::Redemption(call), result, now);
            } else {
                call.withdraw();
            }
        }
    }

    fn waits_for_decision(&self, call: &Call<Redemption>) -> bool {
        let is_deciding = |stage: &Stage| {
            matches!(
                stage,
                Stage::Greeted {
                    deciding: Some(_),
                    ..
                }
            )
        };
        let session = call.session();
        session.is_some_and(|id| self.out.sessions.is_at(id, is_deciding))
    }

    fn refuse_ticket(
        &mut self,
        call: Call,
        ticket: Option<TicketNumber>,
        refusal: &Refusal,
        now: Now,
    ) {
        let session = call.session().and_then(|id| self.out.sessions.get(id));
        let address = session.map(|session| session.address);
        self.note_done(&call, AuditAction::TicketUsed, |event| {
            let event = event.with_outcome(Outcome::Refused);
            let event = event.with_detail(refusal.to_string());
            match ticket {
                Some(ticket) => event.about(format!("ticket {ticket}")),
                None => event,
            }
        });
        self.show(ConsoleEvent::Ticket(TicketEvent::Refused {
            ticket,
            address,
            refusal: refusal.clone(),
        }));
        self.fail_redemption(call, refused(refusal), now);
    }

    /// Refuses a use; the session may try again.
    pub(super) fn fail_redemption(&mut self, call: Call, error: RpcError, now: Now) {
        self.refuse_attempt(call, error, now);
    }
}

/// The error for a device whose ticket was refused.
fn refused(refusal: &Refusal) -> RpcError {
    let (code, message) = match refusal {
        Refusal::Unknown => (
            ErrorCode::NoSuchTicket,
            "this hub knows no such ticket".to_owned(),
        ),
        Refusal::Used => (
            ErrorCode::TicketUsed,
            "this ticket has been used already".to_owned(),
        ),
        Refusal::Revoked => (
            ErrorCode::TicketRevoked,
            "this ticket was revoked by the hub's operator".to_owned(),
        ),
        Refusal::Expired => (
            ErrorCode::TicketExpired,
            "this ticket has expired".to_owned(),
        ),
        Refusal::OtherName(subject) => (
            ErrorCode::NotAllowed,
            format!("this ticket is for {subject} only"),
        ),
        Refusal::NameTaken(name) => (
            ErrorCode::NameTaken,
            format!("there is a device {name} already, and this ticket makes new ones only"),
        ),
    };
    RpcError::new(code, message)
}
