//! The operator's tickets: issuing, revoking and listing them. A ticket is there only after the
//! store has committed it.

use std::time::Duration;

use fleetlink_proto::WallTime;
use fleetlink_proto::control::limits::{MAX_OPEN_TICKETS, MAX_TICKET_LIFE, MAX_TICKET_USES};
use fleetlink_proto::ticket::{TicketHash, TicketNumber, TicketSubject};

use crate::console::ConsoleEvent;
use crate::console::tickets::TicketEvent;
use crate::hub::Hub;
use crate::hub::jobs::Job;
use crate::ids::AdminId;
use crate::operator::requests::{AdminReply, TicketStatus};
use crate::operator::ticket_change::TicketJob;
use crate::store::calls::{StoreError, StoreReply};
use crate::store::ticket::{Ticket, TicketStanding};
use crate::time::Now;

impl Hub {
    pub(crate) fn issue_ticket(
        &mut self,
        admin: AdminId,
        hash: TicketHash,
        (subject, uses): (TicketSubject, u32),
        life: Duration,
        now: Now,
    ) {
        if let Err(why) = self.may_issue(&subject, uses, life, now) {
            return self.answer_admin(admin, Err(why));
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
        let job = TicketJob::Issue {
            admin,
            ticket,
            forget,
        };
        self.queue_ticket_job(admin, &name, job, now);
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

    pub(crate) fn revoke_ticket(&mut self, admin: AdminId, number: TicketNumber, now: Now) {
        let Some(ticket) = self.tickets.get(number) else {
            let message = format!("there is no ticket {number}");
            return self.answer_admin(admin, Err(message));
        };
        match ticket.standing(now.wall) {
            TicketStanding::Used => {
                let message = format!(
                    "ticket {number} has been used already; the keys that it enrolled are revoked \
                     one by one: fleetlink key revoke"
                );
                return self.answer_admin(admin, Err(message));
            }
            TicketStanding::Expired => {
                let message = format!("ticket {number} has expired already");
                return self.answer_admin(admin, Err(message));
            }
            TicketStanding::Revoked => return self.answer_admin(admin, Ok(AdminReply::Done)),
            TicketStanding::Open => {}
        }
        let name = ticket.subject.as_name().clone();
        let job = TicketJob::Revoke { admin, number };
        self.queue_ticket_job(admin, &name, job, now);
    }

    pub(crate) fn ticket_statuses(&self, now: Now) -> Vec<TicketStatus> {
        let status = |ticket: &Ticket| TicketStatus {
            standing: ticket.standing(now.wall),
            ticket: ticket.clone(),
        };
        self.tickets.iter().map(status).collect()
    }

    fn queue_ticket_job(
        &mut self,
        admin: AdminId,
        name: &fleetlink_proto::DeviceName,
        job: TicketJob,
        now: Now,
    ) {
        if self.enqueue(name, Job::Ticket(job), now).is_err() {
            let message = format!("too many operations of {name} are waiting; try again later");
            self.answer_admin(admin, Err(message));
        }
    }

    /// The store answered a change of a ticket.
    pub(crate) fn finish_ticket_job(
        &mut self,
        job: TicketJob,
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) {
        match job {
            TicketJob::Issue {
                admin,
                ticket,
                forget,
            } => {
                let result = self.ticket_issued(ticket, &forget, result, now);
                self.answer_admin(admin, result);
            }
            TicketJob::Revoke { admin, number } => {
                let result = self.ticket_revoked(number, result, now);
                self.answer_admin(admin, result);
            }
        }
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

    /// Where nobody knows whether the store has done it, the hub takes the ticket as revoked:
    /// whoever revokes one has reason to.
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
