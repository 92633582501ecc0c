//! Finding the hub of a join ticket: the first of its addresses that answers, by the ticket's key or
//! one that this has announced since the ticket was issued.

use std::fmt::Write as _;

use fleetlink_proto::HubPin;

use crate::{Connection, Error, ErrorKind, HubAddress, Result, Successor, Trust};

/// Tries one address after the other. That another hub is at one of them is said rather than that
/// the others do not answer. `hub` is the pin by which the hub is known, the ticket's at first; where
/// the hub has announced another key, it is that one afterwards, and what is kept has moved. `client`
/// tells the hub's log what this device runs.
///
/// # Errors
/// No address leads to the hub.
pub(crate) async fn find_hub(
    places: &[HubAddress],
    client: &str,
    (hub, successor): (&mut HubPin, &Successor),
) -> Result<(Connection, HubAddress)> {
    let mut why = String::new();
    let mut other_hub = None;
    for address in places {
        let failure = match follow(address, client, (hub, successor)).await {
            Ok(connection) => return Ok((connection, address.clone())),
            Err(error) => error,
        };
        tracing::debug!(%address, error = %failure, "the hub is not reached here");
        let separator = if why.is_empty() { "" } else { "; " };
        // Writing to a string does not fail.
        let _ = write!(why, "{separator}{failure}");
        if matches!(failure.kind(), ErrorKind::PinChanged { .. }) {
            other_hub = Some(failure);
        }
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
