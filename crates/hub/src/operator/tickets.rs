//! Issuing tickets: the secret is drawn here, and the core and the store get its hash alone.

use std::time::Duration;

use fleetlink_core::{AdminReply, AdminRequest, TicketStanding, TicketStatus, TicketUse};
use fleetlink_proto::ticket::{JoinTicket, TicketNumber, TicketSecret, TicketSubject};
use fleetlink_proto::{DeviceKey, DeviceName, WallTime};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Desk;
use super::message::OperatorReply;
use crate::hub_state::{self as states, HubState};

/// A ticket that was issued: the one time that its text is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedTicket {
    /// The ticket for the device.
    pub ticket: JoinTicket,
    /// The ticket as the hub keeps it.
    pub info: TicketInfo,
}

/// A ticket as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketInfo {
    pub number: TicketNumber,
    /// For whom it is.
    #[serde(flatten)]
    pub subject: TicketSubject,
    /// Whether it can be used.
    pub state: TicketState,
    /// The number of permitted uses.
    pub uses: u32,
    /// The uses of it.
    pub used: Vec<TicketUseInfo>,
    /// The time at which it was issued.
    pub created: WallTime,
    /// From when on it is of no use.
    pub expires: WallTime,
    /// The time at which it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<WallTime>,
}

/// One use of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketUseInfo {
    /// For the device of this name.
    pub name: DeviceName,
    /// With this key.
    pub key: DeviceKey,
    pub at: WallTime,
}

/// Whether a ticket can be used, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketState {
    /// It can.
    Open,
    /// It was used as often as it may be.
    Used,
    /// The operator took it back.
    Revoked,
    /// Its time is over.
    Expired,
}

/// The settings of a new ticket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TicketOrder {
    /// For whom.
    pub subject: TicketSubject,
    /// The number of permitted uses.
    pub uses: u32,
    /// For how many milliseconds.
    pub life_ms: u64,
    /// The hub's addresses for devices, `host:port`; if there are none, the hub's own.
    pub addresses: Vec<String>,
}

/// A ticket whose secret is drawn, and what is asked of the core for it.
pub(crate) struct DrawnTicket {
    pub(crate) ticket: JoinTicket,
    pub(crate) request: AdminRequest,
}

/// Issues a ticket and tells its text.
pub(super) async fn issue(order: TicketOrder, desk: &Desk) -> Result<OperatorReply, String> {
    let DrawnTicket { ticket, request } = draw_ticket(order, &desk.hub_state)?;
    match desk.driver.admin(request).await? {
        AdminReply::Ticket(status) => Ok(OperatorReply::Ticket(Box::new(IssuedTicket {
            ticket,
            info: (*status).into(),
        }))),
        other => Ok(other.into()),
    }
}

/// Draws the secret of a new ticket.
pub(crate) fn draw_ticket(order: TicketOrder, hub_state: &HubState) -> Result<DrawnTicket, String> {
    let addresses = match (order.addresses.is_empty(), hub_state) {
        (false, _) => order.addresses,
        (true, HubState::Running { listen, .. }) => states::addresses(*listen),
        (true, HubState::Stopped(_)) => {
            let why = "no hub runs on these data, so nobody knows where devices will find it: give \
                       the address with --address HOST:PORT, or start the hub first (fleetlink hub)";
            return Err(why.to_owned());
        }
    };
    let pin = hub_state.pin()?;
    let secret = random_secret().map_err(|e| e.to_string())?;
    let hash = secret.hash();
    let subject = order.subject.clone();
    let ticket =
        JoinTicket::new(pin, secret, order.subject, addresses).map_err(|e| e.to_string())?;
    let request = AdminRequest::IssueTicket {
        hash,
        subject,
        uses: order.uses,
        life: Duration::from_millis(order.life_ms),
    };
    Ok(DrawnTicket { ticket, request })
}

fn random_secret() -> Result<TicketSecret, getrandom::Error> {
    let mut bits = Zeroizing::new([0; 16]);
    getrandom::fill(&mut *bits)?;
    Ok(TicketSecret::from_bytes(*bits))
}

impl From<TicketStatus> for TicketInfo {
    fn from(status: TicketStatus) -> Self {
        let TicketStatus { ticket, standing } = status;
        TicketInfo {
            number: ticket.number,
            subject: ticket.subject,
            state: standing.into(),
            uses: ticket.uses,
            used: ticket.used.into_iter().map(TicketUseInfo::from).collect(),
            created: ticket.created,
            expires: ticket.expires,
            revoked: ticket.revoked,
        }
    }
}

impl From<TicketUse> for TicketUseInfo {
    fn from(used: TicketUse) -> Self {
        let TicketUse { name, key, at } = used;
        TicketUseInfo { name, key, at }
    }
}

impl From<TicketStanding> for TicketState {
    fn from(standing: TicketStanding) -> Self {
        match standing {
            TicketStanding::Open => TicketState::Open,
            TicketStanding::Used => TicketState::Used,
            TicketStanding::Revoked => TicketState::Revoked,
            TicketStanding::Expired => TicketState::Expired,
        }
    }
}
