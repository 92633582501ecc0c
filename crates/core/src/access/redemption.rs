//! One use of a join ticket, from the call to the store's answer.

use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::ticket::{TicketHash, TicketNumber, TicketSubject};
use fleetlink_proto::{DeviceKey, DeviceName, WallTime};

use crate::store::calls::{Change, StoreCall};
use crate::store::ticket::{Ticket, TicketStanding, TicketUse};

/// A call of `ticket.redeem` whose signature holds.
#[derive(Debug)]
pub(crate) struct Redemption {
    pub(crate) hash: TicketHash,
    /// The name that the device has chosen.
    pub(crate) name: Option<DeviceName>,
    pub(crate) key: DeviceKey,
    /// The ticket as it was read last.
    pub(crate) ticket: Option<SeenTicket>,
    /// The first number that the hub may put behind a prefix.
    pub(crate) first_number: u32,
    /// A name of the prefix and a number for which the store has no account.
    pub(crate) free_name: Option<DeviceName>,
    /// Whether the store has refused the use.
    pub(crate) is_refused: bool,
}

/// The part of a ticket on which one use depends. A ticket itself may have a thousand uses.
#[derive(Debug, Clone)]
pub(crate) struct SeenTicket {
    pub(crate) number: TicketNumber,
    pub(crate) subject: TicketSubject,
    pub(crate) standing: TicketStanding,
    expires: WallTime,
    /// The number of uses that are left.
    pub(crate) left: usize,
    /// The name for which this very use was made before.
    pub(crate) used_for: Option<DeviceName>,
    /// Whether the ticket was used for the name that the device has chosen.
    pub(crate) is_name_used: bool,
}

impl Redemption {
    pub(crate) fn new(hash: TicketHash, name: Option<DeviceName>, key: DeviceKey) -> Self {
        Redemption {
            hash,
            name,
            key,
            ticket: None,
            first_number: 1,
            free_name: None,
            is_refused: false,
        }
    }

    /// Takes the ticket in as the store has it now.
    pub(crate) fn see(&mut self, ticket: &Ticket, now: WallTime) {
        let same = |used: &&TicketUse| {
            used.key == self.key && self.name.as_ref().is_none_or(|name| *name == used.name)
        };
        let of_name = |used: &TicketUse| self.name.as_ref() == Some(&used.name);
        self.ticket = Some(SeenTicket {
            number: ticket.number,
            subject: ticket.subject.clone(),
            standing: ticket.standing(now),
            expires: ticket.expires,
            left: ticket.left(),
            used_for: ticket.used.iter().find(same).map(|used| used.name.clone()),
            is_name_used: ticket.used.iter().any(of_name),
        });
        // By now the name may be somebody's, and a smaller number free.
        self.free_name = None;
    }

    pub(crate) fn number(&self) -> Option<TicketNumber> {
        Some(self.ticket.as_ref()?.number)
    }

    /// The store's part, once the ticket was read.
    pub(crate) fn store_call(&self, name: &DeviceName, at: WallTime) -> StoreCall {
        StoreCall::Change(Change::RedeemTicket {
            ticket: self.number().unwrap_or_default(),
            name: name.clone(),
            key: EnrolledKey {
                key: self.key,
                enrolled: at,
            },
        })
    }
}

impl SeenTicket {
    /// Whether it can be used at this time.
    pub(crate) fn standing(&self, now: WallTime) -> TicketStanding {
        let is_over = self.expires.unix_millis() <= now.unix_millis();
        match self.standing {
            TicketStanding::Open if is_over => TicketStanding::Expired,
            standing => standing,
        }
    }
}
