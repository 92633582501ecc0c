//! A join ticket as the store keeps it: plain data.

use fleetlink_proto::ticket::{TicketHash, TicketNumber, TicketSubject};
use fleetlink_proto::{DeviceKey, DeviceName, WallTime};

/// A ticket that is to be issued; the store gives it its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTicket {
    /// The hash by which its secret is found.
    pub hash: TicketHash,
    /// For whom it is.
    pub subject: TicketSubject,
    /// The number of permitted uses.
    pub uses: u32,
    /// The time at which it is issued.
    pub created: WallTime,
    /// From when on it is of no use.
    pub expires: WallTime,
}

/// The bounds of the tickets that a store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketRoom {
    /// Tickets that may be open.
    pub open: usize,
    /// Those that are used, expired or revoked and still known to be; the oldest make room.
    pub finished: usize,
}

/// A ticket that was issued, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The operator's number of it.
    pub number: TicketNumber,
    /// The hash by which its secret is found.
    pub hash: TicketHash,
    /// For whom it is.
    pub subject: TicketSubject,
    /// The number of permitted uses.
    pub uses: u32,
    /// The time at which it was issued.
    pub created: WallTime,
    /// From when on it is of no use.
    pub expires: WallTime,
    /// The time at which the operator revoked it.
    pub revoked: Option<WallTime>,
    /// The uses of it, by name.
    pub used: Vec<TicketUse>,
}

/// One use of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketUse {
    pub name: DeviceName,
    pub key: DeviceKey,
    pub at: WallTime,
}

/// Whether a ticket can still be used, and if not, why. What is said first is what the holder can
/// learn most from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketStanding {
    /// It can.
    Open,
    /// It was used as often as it may be.
    Used,
    /// The operator took it back.
    Revoked,
    /// Its time is over.
    Expired,
}

impl NewTicket {
    /// The ticket that it becomes under this number.
    pub fn numbered(self, number: TicketNumber) -> Ticket {
        Ticket {
            number,
            hash: self.hash,
            subject: self.subject,
            uses: self.uses,
            created: self.created,
            expires: self.expires,
            revoked: None,
            used: Vec::new(),
        }
    }
}

impl Ticket {
    /// The number of uses that are left.
    pub(crate) fn left(&self) -> usize {
        (self.uses as usize).saturating_sub(self.used.len())
    }

    /// Whether it can be used at this time.
    pub fn standing(&self, now: WallTime) -> TicketStanding {
        if self.left() == 0 {
            TicketStanding::Used
        } else if self.revoked.is_some() {
            TicketStanding::Revoked
        } else if self.expires.unix_millis() <= now.unix_millis() {
            TicketStanding::Expired
        } else {
            TicketStanding::Open
        }
    }
}
