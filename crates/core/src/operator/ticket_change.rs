//! A change of a join ticket that the operator asked for, and the store's part of it.

use fleetlink_proto::WallTime;
use fleetlink_proto::control::limits::{MAX_FINISHED_TICKETS, MAX_OPEN_TICKETS};
use fleetlink_proto::ticket::TicketNumber;

use crate::store::calls::{Change, StoreCall};
use crate::store::ticket::{NewTicket, TicketRoom};

/// The bounds of the tickets of a hub. Nothing of them is in memory: they bound what a script that goes
/// wrong can leave behind, and the secrets that are valid at one time.
const ROOM: TicketRoom = TicketRoom {
    open: MAX_OPEN_TICKETS,
    finished: MAX_FINISHED_TICKETS,
};

/// A change of a ticket, queued under the name or the prefix that the ticket is for.
#[derive(Debug)]
pub(crate) enum TicketCommand {
    Issue(NewTicket),
    Revoke(TicketNumber),
}

impl TicketCommand {
    pub(crate) fn store_call(&self, at: WallTime) -> StoreCall {
        match self {
            TicketCommand::Issue(ticket) => StoreCall::Change(Change::AddTicket {
                ticket: ticket.clone(),
                room: ROOM,
            }),
            TicketCommand::Revoke(number) => StoreCall::Change(Change::RevokeTicket {
                ticket: *number,
                at,
            }),
        }
    }
}
