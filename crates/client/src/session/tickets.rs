//! Using a join ticket.

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{LoginReply, RedeemTicket, Request};
use fleetlink_proto::ticket::TicketSecret;

use super::Session;
use crate::{KeyPair, Result};

impl Session {
    /// Uses a ticket: the hub makes the account that it is for and enrols this key, and the session
    /// is logged in. Without a name it is the ticket's own, or one that the hub chooses. The same
    /// ticket, name and key again are one use.
    pub async fn redeem_ticket(
        &self,
        ticket: &TicketSecret,
        name: Option<&DeviceName>,
        key: &KeyPair,
    ) -> Result<LoginReply> {
        let signed = name.map_or("", DeviceName::as_str);
        let redeem = RedeemTicket {
            ticket: ticket.clone(),
            name: name.cloned(),
            key: key.public(),
            signature: key.sign(&self.channel()?.redemption(signed)),
        };
        self.call(Request::RedeemTicket(redeem)).await
    }
}
