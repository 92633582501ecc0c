//! Joining by a ticket: to the first of its addresses that answers, whose key must be the ticket's,
//! or one that this has announced since the ticket was issued.

use std::fmt::Write as _;

use fleetlink_proto::control::LoginReply;
use fleetlink_proto::ticket::JoinTicket;
use fleetlink_proto::{DeviceName, HubPin};

use crate::{
    Connection, Error, ErrorKind, HubAddress, HubAddressError, KeyPair, Result, Session, Successor,
    Trust,
};

/// A ticket that was used.
pub(crate) struct Redeemed {
    /// The session, logged in.
    pub(crate) session: Session,
    /// What the hub says that the device is.
    pub(crate) reply: LoginReply,
    /// The address of the ticket at which the hub was found.
    pub(crate) address: HubAddress,
}

/// Uses a ticket with this key. `client` tells the hub's log what this device runs. `hub` is the pin
/// by which the hub is known, the ticket's at first; where the hub has announced another key, it is
/// that one afterwards, and what is kept has moved.
///
/// # Errors
/// No address of the ticket leads to its hub, or the hub does not take it.
pub(crate) async fn redeem(
    ticket: &JoinTicket,
    name: Option<&DeviceName>,
    key: &KeyPair,
    client: &str,
    (hub, successor): (&mut HubPin, &Successor),
) -> Result<Redeemed> {
    let (connection, address) = reach(ticket, client, (hub, successor)).await?;
    let (session, _) = Session::open(connection, client).await?;
    let reply = session.redeem_ticket(ticket.secret(), name, key).await?;
    Ok(Redeemed {
        session,
        reply,
        address,
    })
}

/// Tries one address after the other. That another hub is at one of them is said rather than that
/// the others do not answer.
async fn reach(
    ticket: &JoinTicket,
    client: &str,
    (hub, successor): (&mut HubPin, &Successor),
) -> Result<(Connection, HubAddress)> {
    let mut why = String::new();
    let mut other_hub = None;
    for text in ticket.addresses() {
        let parsed: std::result::Result<HubAddress, HubAddressError> = text.parse();
        let failure = match parsed {
            Ok(address) => match follow(&address, client, (hub, successor)).await {
                Ok(connection) => return Ok((connection, address)),
                Err(error) => {
                    tracing::debug!(%address, %error, "not by this way");
                    let failure = error.to_string();
                    if matches!(error.kind(), ErrorKind::PinChanged { .. }) {
                        other_hub = Some(error);
                    }
                    failure
                }
            },
            Err(error) => format!("{text}: {error}"),
        };
        let separator = if why.is_empty() { "" } else { "; " };
        // Writing to a string does not fail.
        let _ = write!(why, "{separator}{failure}");
    }
    Err(match other_hub {
        Some(error) => error,
        None => {
            let message = format!("the hub of this ticket cannot be reached: {why}");
            Error::new(ErrorKind::Unreachable, message)
        }
    })
}

async fn follow(
    address: &HubAddress,
    client: &str,
    (hub, successor): (&mut HubPin, &Successor),
) -> Result<Connection> {
    let mut trust = Trust::Pinned(*hub);
    let connected = successor.connect(address, &mut trust, client).await;
    if let Trust::Pinned(pin) = trust {
        *hub = pin;
    }
    connected
}
