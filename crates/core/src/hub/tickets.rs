//! The operator's tickets: issuing, revoking and listing them. A ticket is there only after the
//! store has committed it.

use std::time::Duration;

use fleetlink_proto::control::limits::{MAX_OPEN_TICKETS, MAX_TICKET_LIFE, MAX_TICKET_USES};
use fleetlink_proto::ticket::{TicketHash, TicketNumber, TicketSubject};
use fleetlink_proto::{DeviceName, WallTime};

use crate::call::Call;
use crate::console::ConsoleEvent;
use crate::console::tickets::TicketEvent;
use crate::hub::Hub;
use crate::hub::queue::Job;
use crate::operator::errors::too_many_operations;
use crate::operator::requests::{AdminReply, TicketStatus};
use crate::operator::ticket_change::TicketCommand;
use crate::store::calls::{StoreError, StoreReply};
use crate::store::ticket::{Ticket, TicketStanding};
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
        if let Err(why) = self.may_issue(&subject, uses, life, now) {
            return call.report(Err(why), &mut self.out);
        }
        let forget = self.tickets.superfluous(now.wall);
        let ticket = Ticket {
            number: self.tickets.next_number(),
            hash,
            subject,
            uses,
            created: now.wall,
            expires: after(now.wall, life),
            revoked: None,
            used: Vec::new(),
        };
        let name = ticket.subject.as_name().clone();
        let issue = TicketCommand::Issue { ticket, forget };
        self.queue_ticket_change(call.with(issue), &name, now);
    }

    fn may_issue(
        &self,
        subject: &TicketSubject,
        uses: u32,
        life: Duration,
        now: Now,
    ) -> Result<(), String> {
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
        if !self.tickets.has_room(now.wall) {
            return Err(format!(
                "{MAX_OPEN_TICKETS} tickets are open already; revoke some, or wait until they \
                 expire"
            ));
        }
        Ok(())
    }

    pub(super) fn revoke_ticket(&mut self, call: Call, number: TicketNumber, now: Now) {
        let result = match self.tickets.get(number) {
            None => Err(format!("there is no ticket {number}")),
            Some(ticket) => match ticket.standing(now.wall) {
                TicketStanding::Used => Err(format!(
                    "ticket {number} has been used already; the keys that it enrolled are revoked \
                     one by one: fleetlink key revoke"
                )),
                TicketStanding::Expired => Err(format!("ticket {number} has expired already")),
                TicketStanding::Revoked => Ok(AdminReply::Done),
                TicketStanding::Open => {
                    let name = ticket.subject.as_name().clone();
                    let revoke = call.with(TicketCommand::Revoke(number));
                    return self.queue_ticket_change(revoke, &name, now);
                }
            },
        };
        call.report(result, &mut self.out);
    }

    pub(super) fn ticket_statuses(&self, now: Now) -> Vec<TicketStatus> {
        let status = |ticket: &Ticket| TicketStatus {
            standing: ticket.standing(now.wall),
            ticket: ticket.clone(),
        };
        self.tickets.iter().map(status).collect()
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
            TicketCommand::Issue { ticket, forget } => {
                self.ticket_issued(ticket, &forget, result, now)
            }
            TicketCommand::Revoke(number) => self.ticket_revoked(number, result, now),
        };
        call.report(result, &mut self.out);
    }

    fn ticket_issued(
        &mut self,
        ticket: Ticket,
        forget: &[TicketNumber],
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) -> Result<AdminReply, String> {
        result.map_err(|error| format!("the ticket was not issued: {error}"))?;
        for number in forget {
            self.tickets.forget(*number);
        }
        let status = TicketStatus {
            standing: ticket.standing(now.wall),
            ticket: ticket.clone(),
        };
        self.show(ConsoleEvent::Ticket(TicketEvent::Issued {
            ticket: ticket.number,
            subject: ticket.subject.clone(),
        }));
        self.tickets.insert(ticket);
        Ok(AdminReply::Ticket(Box::new(status)))
    }

    /// Revokes the ticket in the hub's memory. If nobody knows whether the store has done it, the
    /// hub treats the ticket as revoked: whoever revokes one has a reason.
    fn ticket_revoked(
        &mut self,
        number: TicketNumber,
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) -> Result<AdminReply, String> {
        let is_revoked = matches!(result, Ok(_) | Err(StoreError::Unknown(_)));
        let is_open = |ticket: &Ticket| ticket.revoked.is_none();
        if is_revoked && self.tickets.get(number).is_some_and(is_open) {
            self.tickets.revoke(number, now.wall);
            self.show(ConsoleEvent::Ticket(TicketEvent::Revoked {
                ticket: number,
            }));
        }
        match result {
            Ok(_) => Ok(AdminReply::Done),
            Err(StoreError::NotFound) => Err(format!("there is no ticket {number}")),
            Err(error) => Err(format!("ticket {number}: {error}")),
        }
    }
}

fn after(time: WallTime, life: Duration) -> WallTime {
    let life = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
    WallTime::from_unix_millis(time.unix_millis().saturating_add(life))
}
