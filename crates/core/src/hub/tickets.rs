//! The operator's tickets: issuing, revoking and listing them. The store has them, and numbers them.

use std::time::Duration;

use fleetlink_proto::control::limits::{
    MAX_OPEN_TICKETS, MAX_TICKET_LIFE, MAX_TICKET_USES, TICKETS_LISTED_AT_ONCE,
};
use fleetlink_proto::ticket::{TicketHash, TicketNumber, TicketSubject};
use fleetlink_proto::{DeviceName, WallTime};

use crate::access::parked::Parked;
use crate::call::Call;
use crate::console::ConsoleEvent;
use crate::console::tickets::TicketEvent;
use crate::errors;
use crate::hub::Hub;
use crate::hub::queue::Job;
use crate::operator::errors::{AdminError, too_many_operations};
use crate::operator::requests::{AdminReply, AdminRequest, TicketStatus};
use crate::operator::ticket_change::TicketCommand;
use crate::store::calls::{Query, StoreError, StoreReply};
use crate::store::ticket::{NewTicket, Ticket, TicketStanding};
use crate::time::Now;

impl Hub {
    pub(super) fn issue_ticket(
        &mut self,
        call: Call,
        hash: TicketHash,
        (subject, uses): (TicketSubject, u32),
        life: Duration,
        now: Now,
    ) {
        if let Err(why) = self.may_issue(&subject, uses, life) {
            return call.report(Err(why), &mut self.out);
        }
        let name = subject.as_name().clone();
        let ticket = NewTicket {
            hash,
            subject,
            uses,
            created: now.wall,
            expires: after(now.wall, life),
        };
        self.queue_ticket_change(call.with(TicketCommand::Issue(ticket)), &name, now);
    }

    fn may_issue(&self, subject: &TicketSubject, uses: u32, life: Duration) -> Result<(), String> {
        if let TicketSubject::Name(name) = subject {
            if uses != 1 {
                return Err("a ticket for one name has one use".to_owned());
            }
            if let Some(holder) = self.accounts.holder(name).filter(|holder| *holder != name) {
                return Err(format!(
                    "{name} differs only by case from the account {holder}"
                ));
            }
        }
        if !(1..=MAX_TICKET_USES).contains(&uses) {
            return Err(format!("a ticket has 1 to {MAX_TICKET_USES} uses"));
        }
        if life.is_zero() || life > MAX_TICKET_LIFE {
            let days = MAX_TICKET_LIFE.as_secs() / (24 * 3600);
            return Err(format!("a ticket lives for at most {days} days"));
        }
        Ok(())
    }

    /// Revokes a ticket, which is read first: the change takes its turn under the name that it is for.
    pub(super) fn revoke_ticket(&mut self, call: Call, ticket: TicketNumber, now: Now) {
        let call = call.with(AdminRequest::RevokeTicket { ticket });
        self.read_for(Query::Ticket(ticket), Parked::Admin(call), now);
    }

    /// The ticket that shall be revoked was read.
    pub(super) fn ticket_to_revoke(
        &mut self,
        call: Call<AdminRequest>,
        found: Option<&Ticket>,
        now: Now,
    ) {
        let (request, call) = call.split();
        let Some(mut ticket) = found.cloned() else {
            let why = match request {
                AdminRequest::RevokeTicket { ticket } => no_ticket(ticket),
                _ => errors::internal().message,
            };
            return call.report_error(AdminError::not_found(why), &mut self.out);
        };
        self.uses.seen(&mut ticket);
        if ticket.standing(now.wall) == TicketStanding::Open {
            let revoke = call.with(TicketCommand::Revoke(ticket.number));
            return self.queue_ticket_change(revoke, ticket.subject.as_name(), now);
        }
        call.report(revocation(&ticket, now.wall), &mut self.out);
    }

    /// Lists tickets, a page at a time.
    pub(super) fn list_tickets(&mut self, call: Call, after: Option<TicketNumber>, now: Now) {
        let limit = TICKETS_LISTED_AT_ONCE;
        let call = call.with(AdminRequest::ListTickets { after });
        self.read_for(Query::Tickets { after, limit }, Parked::Admin(call), now);
    }

    /// A page of tickets was read.
    pub(super) fn tickets_read(&mut self, call: Call, page: &[Ticket], now: Now) {
        let mut statuses = Vec::with_capacity(page.len());
        for ticket in page {
            let mut ticket = ticket.clone();
            self.uses.seen(&mut ticket);
            statuses.push(TicketStatus {
                standing: ticket.standing(now.wall),
                ticket,
            });
        }
        call.report(Ok(AdminReply::Tickets(statuses)), &mut self.out);
    }

    fn queue_ticket_change(&mut self, call: Call<TicketCommand>, name: &DeviceName, now: Now) {
        if let Err(call) = self.enqueue(name, Job::Ticket(call), now) {
            call.report(Err(too_many_operations(name)), &mut self.out);
        }
    }

    /// The store answered a change of a ticket.
    pub(super) fn finish_ticket_change(
        &mut self,
        call: Call<TicketCommand>,
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) {
        let (change, call) = call.split();
        let result = match change {
            TicketCommand::Issue(_) => self.ticket_issued(result, now),
            TicketCommand::Revoke(number) => self.ticket_revoked(number, result, now),
        };
        call.report(result, &mut self.out);
    }

    fn ticket_issued(
        &mut self,
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) -> Result<AdminReply, String> {
        match result {
            Ok(StoreReply::Ticket(Some(ticket))) => {
                self.show(ConsoleEvent::Ticket(TicketEvent::Issued {
                    ticket: ticket.number,
                    subject: ticket.subject.clone(),
                }));
                Ok(AdminReply::Ticket(Box::new(TicketStatus {
                    standing: ticket.standing(now.wall),
                    ticket: *ticket,
                })))
            }
            Ok(StoreReply::Ticket(None)) => Err(format!(
                "{MAX_OPEN_TICKETS} tickets are open already; revoke some, or wait until they \
                 expire"
            )),
            Ok(_) => Err(errors::internal().message),
            Err(error) => Err(format!("the ticket was not issued: {error}")),
        }
    }

    /// The store has decided between a revocation and the uses of the ticket. If nobody knows how, the
    /// hub treats the ticket as revoked: whoever revokes one has a reason.
    fn ticket_revoked(
        &mut self,
        number: TicketNumber,
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) -> Result<AdminReply, String> {
        // Of another kind: nobody knows what the store has done.
        let result = match result {
            Ok(reply @ StoreReply::Ticket(_)) => Ok(reply),
            Ok(_) => Err(StoreError::Unknown(errors::internal().message)),
            Err(error) => Err(error),
        };
        let is_revoked = match &result {
            Ok(StoreReply::Ticket(Some(ticket))) => {
                ticket.standing(now.wall) == TicketStanding::Revoked
            }
            Err(StoreError::Unknown(_)) => {
                self.uses.take_as_revoked(number, now.wall);
                true
            }
            _ => false,
        };
        if is_revoked {
            self.show(ConsoleEvent::Ticket(TicketEvent::Revoked {
                ticket: number,
            }));
        }
        match result {
            Ok(StoreReply::Ticket(Some(ticket))) => revocation(&ticket, now.wall),
            Ok(StoreReply::Ticket(None)) | Err(StoreError::NotFound) => Err(no_ticket(number)),
            Ok(_) => Err(errors::internal().message),
            Err(error) => Err(format!("ticket {number}: {error}")),
        }
    }
}

/// The end of a revocation that has left the ticket so.
fn revocation(ticket: &Ticket, now: WallTime) -> Result<AdminReply, String> {
    let number = ticket.number;
    match ticket.standing(now) {
        TicketStanding::Used => Err(format!(
            "ticket {number} has been used already; the keys that it enrolled are revoked one by \
             one: fleetlink key revoke"
        )),
        TicketStanding::Expired => Err(format!("ticket {number} has expired already")),
        TicketStanding::Revoked | TicketStanding::Open => Ok(AdminReply::Done),
    }
}

fn no_ticket(number: TicketNumber) -> String {
    format!("there is no ticket {number}")
}

fn after(time: WallTime, life: Duration) -> WallTime {
    let life = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
    WallTime::from_unix_millis(time.unix_millis().saturating_add(life))
}
