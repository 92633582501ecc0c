//! Using a ticket: an account and a key for who holds it, decided once when it is asked for and
//! once more when its turn has come. A use counts from when the store is asked, so that no two
//! devices get the last one.

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{ErrorCode, RedeemTicket, RpcError};
use fleetlink_proto::ticket::TicketNumber;

use crate::access::possession::Possession;
use crate::access::redemption::Redemption;
use crate::access::tickets::Verdict;
use crate::call::Call;
use crate::caller::Proof;
use crate::console::tickets::{Refusal, TicketEvent};
use crate::console::{AccountChange, ConsoleEvent};
use crate::errors;
use crate::hub::Hub;
use crate::hub::queue::Job;
use crate::hub::routing::Context;
use crate::session::state::Stage;
use crate::store::calls::{Account, StoreError, StoreReply};
use crate::store::ticket::{TicketStanding, TicketUse};
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
        let Some(ticket) = self.tickets.find(&request.ticket.hash()) else {
            return self.refuse_ticket(call, None, &Refusal::Unknown, now);
        };
        let redemption = Redemption {
            ticket,
            name: request.name,
            key: request.key,
            first_number: 1,
            free_name: None,
        };
        self.try_redemption(call.with(redemption), now);
    }

    /// Decides about a use, once all that it needs has been read.
    pub(super) fn try_redemption(&mut self, call: Call<Redemption>, now: Now) {
        match self.tickets.decide(&call.command, &self.accounts, now.wall) {
            Ok(verdict) => self.follow_verdict(call, verdict, now),
            Err(missing) => self.read_missing(missing, call, now),
        }
    }

    /// The store has told a name for which it has no account.
    pub(super) fn name_found(
        &mut self,
        mut call: Call<Redemption>,
        free_name: Option<DeviceName>,
        now: Now,
    ) {
        let ticket = call.command.ticket;
        match (free_name, self.tickets.get(ticket)) {
            (None, Some(found)) => {
                let refusal = Refusal::OtherName(found.subject.clone());
                self.refuse_ticket(call.split().1, Some(ticket), &refusal, now);
            }
            (free_name, _) => {
                call.command.free_name = free_name;
                self.try_redemption(call, now);
            }
        }
    }

    fn follow_verdict(&mut self, mut call: Call<Redemption>, verdict: Verdict, now: Now) {
        let Redemption { ticket, key, .. } = call.command;
        match verdict {
            Verdict::Use(name) => {
                self.tickets.begin(ticket, &name);
                if let Err(call) = self.enqueue(&name, Job::Redemption(call), now) {
                    self.tickets.release(ticket, &name);
                    self.fail_redemption(call, errors::too_many_operations(), now);
                }
            }
            Verdict::DoneBefore(name) => {
                self.accept(call.split().1, name, Proof::Key(key), now);
            }
            Verdict::Wait => {
                // By then the name may be somebody's, and a smaller number free.
                call.command.free_name = None;
                if let Err(call) = self.tickets.wait(call) {
                    let error = errors::busy("too many uses of this ticket wait already");
                    self.fail_redemption(call, error, now);
                }
            }
            Verdict::Refuse(refusal) => {
                self.refuse_ticket(call.split().1, Some(ticket), &refusal, now);
            }
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
        let ticket = call.command.ticket;
        self.tickets.release(ticket, name);
        match self.waits_for_decision(&call) {
            false => _ = call.withdraw(),
            true => match self.tickets.decide(&call.command, &self.accounts, now.wall) {
                Ok(Verdict::Use(chosen)) if chosen == *name => {
                    self.tickets.begin(ticket, name);
                    return Some(call);
                }
                Ok(verdict) => self.follow_verdict(call, verdict, now),
                Err(missing) => self.read_missing(missing, call, now),
            },
        }
        self.redeem_waiting(ticket, now);
        None
    }

    /// The store answered a use.
    pub(super) fn finish_redemption(
        &mut self,
        name: &DeviceName,
        call: Call<Redemption>,
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) {
        let ticket = call.command.ticket;
        self.tickets.release(ticket, name);
        match result {
            Ok(StoreReply::Account(Some(account))) => self.redeemed(call, account, now),
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
            Err(StoreError::NotFound) => {
                let standing = self.tickets.get(ticket).map(|t| t.standing(now.wall));
                let refusal = match standing {
                    None => Refusal::Unknown,
                    Some(TicketStanding::Expired) => Refusal::Expired,
                    Some(TicketStanding::Revoked) => Refusal::Revoked,
                    Some(TicketStanding::Used | TicketStanding::Open) => Refusal::Used,
                };
                self.refuse_ticket(call.split().1, Some(ticket), &refusal, now);
            }
            Err(error) => {
                self.doubt(name);
                let error = errors::of_store(error, "");
                self.fail_redemption(call.split().1, error, now);
            }
        }
        self.redeem_waiting(ticket, now);
    }

    /// The store has an account of this name: where the hub has chosen the name, it tries the next.
    fn redeem_another(&mut self, name: &DeviceName, call: Call<Redemption>, now: Now) {
        let ticket = call.command.ticket;
        let (redemption, call) = call.split();
        match (&redemption.name, self.number_of(ticket, name)) {
            (None, Some(number)) => {
                let first_number = number.saturating_add(1);
                let next = Redemption {
                    first_number,
                    free_name: None,
                    ..redemption
                };
                self.try_redemption(call.with(next), now);
            }
            _ => self.refuse_ticket(call, Some(ticket), &Refusal::NameTaken(name.clone()), now),
        }
    }

    fn redeemed(&mut self, call: Call<Redemption>, account: Account, now: Now) {
        let (Redemption { ticket, key, .. }, call) = call.split();
        let name = account.name.clone();
        let used = TicketUse {
            name: name.clone(),
            key,
            at: now.wall,
        };
        self.tickets.record(ticket, used);
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

    /// Decides anew about those that wait for this ticket.
    fn redeem_waiting(&mut self, ticket: TicketNumber, now: Now) {
        for call in self.tickets.take_waiting(ticket) {
            match self.waits_for_decision(&call) {
                true => self.try_redemption(call, now),
                false => _ = call.withdraw(),
            }
        }
    }

    /// The number that the hub has put behind the prefix of this ticket.
    fn number_of(&self, ticket: TicketNumber, name: &DeviceName) -> Option<u32> {
        let prefix = self.tickets.get(ticket)?.subject.as_name().as_str();
        name.as_str().strip_prefix(prefix)?.parse().ok()
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
        self.show(ConsoleEvent::Ticket(TicketEvent::Refused {
            ticket,
            address,
            refusal: refusal.clone(),
        }));
        self.fail_redemption(call, refused(refusal), now);
    }

    /// Refuses a use; the session may try again.
    pub(super) fn fail_redemption(&mut self, call: Call, error: RpcError, now: Now) {
        self.answer_failure(call, error, now);
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
