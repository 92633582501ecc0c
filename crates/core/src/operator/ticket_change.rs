//! A change of a join ticket that the operator asked for, and the store's part of it.

use fleetlink_proto::WallTime;
use fleetlink_proto::ticket::TicketNumber;

use crate::store::calls::{Change, StoreCall};
use crate::store::ticket::Ticket;

/// A change of a ticket, queued under the name or the prefix that the ticket is for.
#[derive(Debug)]
pub(crate) enum TicketCommand {
    Issue {
        ticket: Ticket,
        /// The old tickets that are forgotten to make room.
        forget: Vec<TicketNumber>,
    },
    Revoke(TicketNumber),
}

impl TicketCommand {
    pub(crate) fn store_call(&self, at: WallTime) -> StoreCall {
        match self {
            TicketCommand::Issue { ticket, forget } => StoreCall::Change(Change::AddTicket {
                ticket: ticket.clone(),
                forget: forget.clone(),
            }),
            TicketCommand::Revoke(number) => StoreCall::Change(Change::RevokeTicket {
                ticket: *number,
                at,
            }),
        }
    }
}
