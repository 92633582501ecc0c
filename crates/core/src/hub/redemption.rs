//! Using a ticket: an account and a key for who holds it, decided once when it is asked for and
//! once more when its turn has come. A use counts from when the store is asked, so that no two
//! devices get the last one.

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{ErrorCode, RedeemTicket, RequestId, RpcError};
use fleetlink_proto::ticket::TicketNumber;

use crate::access::possession::Possession;
use crate::access::redemption::Redemption;
use crate::access::tickets::{Refusal, Verdict};
use crate::console::tickets::TicketEvent;
use crate::console::{AccountChange, ConsoleEvent};
use crate::errors;
use crate::hub::Hub;
use crate::hub::jobs::Job;
use crate::ids::SessionId;
use crate::session::state::{Proof, Stage};
use crate::store::calls::{Account, StoreError, StoreReply};
use crate::store::ticket::{TicketStanding, TicketUse};
use crate::time::Now;

impl Hub {
    /// Decides about a session that says it was given a ticket.
    pub(crate) fn redeem(
        &mut self,
        session: SessionId,
        id: RequestId,
        request: RedeemTicket,
        possession: Possession,
        now: Now,
    ) {
        let label = request.name.as_ref().map_or("", DeviceName::as_str);
        if let Err(error) = self.begin_deciding(session, label, now) {
            return self.refuse(session, id, error);
        }
        match possession {
            Possession::Proven => {}
            Possession::NoChannel => {
                return self.fail_redemption(session, id, errors::no_channel(), now);
            }
            Possession::Unproven => {
                let error = errors::key_not_shown();
                return self.fail_redemption(session, id, error, now);
            }
        }
        let Some(ticket) = self.tickets.find(&request.ticket.hash()) else {
            return self.refuse_ticket(session, id, None, &Refusal::Unknown, now);
        };
        let redemption = Redemption {
            session,
            id,
            ticket,
            name: request.name,
            key: request.key,
            first_number: 1,
        };
        self.try_redemption(redemption, now);
    }

    fn try_redemption(&mut self, redemption: Redemption, now: Now) {
        let verdict = self.tickets.decide(&redemption, &self.accounts, now.wall);
        self.follow_verdict(redemption, verdict, now);
    }

    fn follow_verdict(&mut self, redemption: Redemption, verdict: Verdict, now: Now) {
        let Redemption {
            session,
            ref id,
            ticket,
            key,
            ..
        } = redemption;
        match verdict {
            Verdict::Use(name) => {
                let id = id.clone();
                self.tickets.begin(ticket, &name);
                if self
                    .enqueue(&name, Job::Redemption(redemption), now)
                    .is_err()
                {
                    self.tickets.release(ticket, &name);
                    self.fail_redemption(session, id, errors::too_many_operations(), now);
                }
            }
            Verdict::DoneBefore(name) => {
                self.accept(session, id.clone(), name, Proof::Key(key), now);
            }
            Verdict::Wait => {
                if let Err(redemption) = self.tickets.wait(redemption) {
                    let error = errors::busy("too many uses of this ticket wait already");
                    self.fail_redemption(session, redemption.id, error, now);
                }
            }
            Verdict::Refuse(refusal) => {
                self.refuse_ticket(session, id.clone(), Some(ticket), &refusal, now);
            }
        }
    }

    /// Whether a use whose turn has come may still be made, for this name. If not, what else
    /// becomes of it has been seen to.
    pub(crate) fn may_still_redeem(
        &mut self,
        name: &DeviceName,
        redemption: &Redemption,
        now: Now,
    ) -> bool {
        let ticket = redemption.ticket;
        self.tickets.release(ticket, name);
        if self.waits_for_decision(redemption.session) {
            match self.tickets.decide(redemption, &self.accounts, now.wall) {
                Verdict::Use(chosen) if chosen == *name => {
                    self.tickets.begin(ticket, name);
                    return true;
                }
                verdict => self.follow_verdict(redemption.clone(), verdict, now),
            }
        }
        self.redeem_waiting(ticket, now);
        false
    }

    /// The store answered a use.
    pub(crate) fn finish_redemption(
        &mut self,
        name: &DeviceName,
        redemption: Redemption,
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) {
        let (session, id, ticket) = (redemption.session, redemption.id.clone(), redemption.ticket);
        self.tickets.release(ticket, name);
        match result {
            Ok(StoreReply::Redeemed(account)) => self.redeemed(redemption, account, now),
            Ok(_) => self.fail_redemption(session, id, errors::internal(), now),
            // Somebody was faster, or the hub does not know of all that the store has done.
            Err(StoreError::Conflict(_)) => {
                match (&redemption.name, self.number_of(ticket, name)) {
                    (None, Some(number)) => {
                        let first_number = number.saturating_add(1);
                        let next = Redemption {
                            first_number,
                            ..redemption
                        };
                        self.try_redemption(next, now);
                    }
                    _ => {
                        let refusal = Refusal::NameTaken(name.clone());
                        self.refuse_ticket(session, id, Some(ticket), &refusal, now);
                    }
                }
            }
            Err(StoreError::NotFound) => {
                let standing = self.tickets.get(ticket).map(|t| t.standing(now.wall));
                let refusal = match standing {
                    None => Refusal::Unknown,
                    Some(TicketStanding::Expired) => Refusal::Expired,
                    Some(TicketStanding::Revoked) => Refusal::Revoked,
                    Some(TicketStanding::Used | TicketStanding::Open) => Refusal::Used,
                };
                self.refuse_ticket(session, id, Some(ticket), &refusal, now);
            }
            Err(error) => {
                let error = errors::of_store(error, "");
                self.fail_redemption(session, id, error, now);
            }
        }
        self.redeem_waiting(ticket, now);
    }

    fn redeemed(&mut self, redemption: Redemption, account: Account, now: Now) {
        let Redemption {
            session,
            id,
            ticket,
            key,
            ..
        } = redemption;
        let name = account.name.clone();
        let used = TicketUse {
            name: name.clone(),
            key,
            at: now.wall,
        };
        self.tickets.record(ticket, used);
        let is_new = !self.accounts.contains(&name);
        let before = self.accounts.key(&name).map(|enrolled| enrolled.key);
        self.accounts.insert(account);
        self.end_sessions_without_ground(&name);
        if is_new {
            self.show_account(name.clone(), AccountChange::Added);
        }
        match before {
            None => self.show_account(name.clone(), AccountChange::KeyEnrolled),
            Some(before) if before != key => {
                self.show_account(name.clone(), AccountChange::KeyReplaced);
            }
            Some(_) => {}
        }
        let device = name.clone();
        self.show(ConsoleEvent::Ticket(TicketEvent::Used { ticket, device }));
        self.accept(session, id, name, Proof::Key(key), now);
    }

    /// Decides anew about those that wait for this ticket.
    fn redeem_waiting(&mut self, ticket: TicketNumber, now: Now) {
        for redemption in self.tickets.take_waiting(ticket) {
            if self.waits_for_decision(redemption.session) {
                self.try_redemption(redemption, now);
            }
        }
    }

    /// The number that the hub has put behind the prefix of this ticket.
    fn number_of(&self, ticket: TicketNumber, name: &DeviceName) -> Option<u32> {
        let prefix = self.tickets.get(ticket)?.subject.as_name().as_str();
        name.as_str().strip_prefix(prefix)?.parse().ok()
    }

    fn waits_for_decision(&self, session: SessionId) -> bool {
        self.is_at(session, |stage| {
            matches!(
                stage,
                Stage::Greeted {
                    deciding: Some(_),
                    ..
                }
            )
        })
    }

    fn refuse_ticket(
        &mut self,
        session: SessionId,
        id: RequestId,
        ticket: Option<TicketNumber>,
        refusal: &Refusal,
        now: Now,
    ) {
        let address = self.sessions.get(&session).map(|session| session.address);
        self.show(ConsoleEvent::Ticket(TicketEvent::Refused {
            ticket,
            address,
            refusal: refusal.clone(),
        }));
        self.fail_redemption(session, id, refusal.to_error(), now);
    }

    /// Answers a use that was not made; the session may try again.
    fn fail_redemption(&mut self, id: SessionId, call: RequestId, error: RpcError, now: Now) {
        self.end_deciding(id, now);
        self.refuse(id, call, error);
    }
}

impl Refusal {
    fn to_error(&self) -> RpcError {
        let (code, message) = match self {
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
}
