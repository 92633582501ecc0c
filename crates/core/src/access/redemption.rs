//! One use of a join ticket, from the call to the store's answer.

use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::ticket::TicketNumber;
use fleetlink_proto::{DeviceKey, DeviceName, WallTime};

use crate::store::calls::{Change, StoreCall};

/// A call of `ticket.redeem` whose signature holds and whose ticket is known.
#[derive(Debug)]
pub(crate) struct Redemption {
    pub(crate) ticket: TicketNumber,
    /// The name that the device has chosen.
    pub(crate) name: Option<DeviceName>,
    pub(crate) key: DeviceKey,
    /// The first number that the hub may put behind a prefix.
    pub(crate) first_number: u32,
    /// A name of the prefix and a number for which the store has no account.
    pub(crate) free_name: Option<DeviceName>,
}

impl Redemption {
    pub(crate) fn store_call(&self, name: &DeviceName, at: WallTime) -> StoreCall {
        StoreCall::Change(Change::RedeemTicket {
            ticket: self.ticket,
            name: name.clone(),
            key: EnrolledKey {
                key: self.key,
                enrolled: at,
            },
        })
    }
}
