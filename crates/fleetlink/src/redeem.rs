//! Joining by a ticket: no password, no question about the hub.

use std::sync::Arc;
use std::time::Duration;

use fleetlink_client::{
    Backoff, Credential, DeviceKeys, Error, ErrorKind, HubAddress, KnownHubs, PendingKey, Redeemed,
    Retry, Successor, Trust, redeem, state_folder,
};
use fleetlink_proto::control::{ErrorCode, RpcError};
use fleetlink_proto::ticket::{JoinTicket, TicketSubject};
use fleetlink_proto::{DeviceName, HubPin};
use tokio::time::{Instant, sleep};

use crate::chosen;
use crate::dial::{CLIENT, Hub, successor};
use crate::failure::Failure;
use crate::identity;
use crate::login::{self, Welcome};
use crate::output::Output;

/// How long a ticket is tried again where the hub was busy or its answer was lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// Uses the ticket, and keeps what it brings: the key and the hub's pin.
pub(crate) async fn log_in(
    ticket: &JoinTicket,
    device: Option<&DeviceName>,
    output: &Output,
) -> Result<Welcome, Failure> {
    let keys = DeviceKeys::in_folder(state_folder()?);
    if let Some(welcome) = by_key(ticket, device, &keys, output).await? {
        return Ok(welcome);
    }
    // On the disk before the hub hears of it: an answer that is lost, or a crash, costs nothing.
    let key = keys.for_ticket(ticket)?;
    let successor = successor(false, output)?;
    let mut pin = ticket.hub();
    let redeemed = match try_patiently(ticket, device, &key, (&mut pin, &successor)).await {
        Ok(redeemed) => redeemed,
        Err(error) => match error.refusal() {
            Some(refused) if is_final(refused.code) => {
                key.discard()?;
                let advised = advise(refused.clone(), ticket, device, (&keys, pin));
                return Err(Failure::Hub(advised));
            }
            _ => return Err(error.into()),
        },
    };
    let Redeemed {
        session,
        reply,
        address,
    } = redeemed;
    let key = key.keep(pin, &reply.name)?;
    KnownHubs::in_folder(state_folder()?).keep(&address, pin)?;
    output.notice(&format!(
        "this device is {name} from now on, by a key of its own; the next time: fleetlink join \
         {address} --device {name}",
        name = reply.name
    ));
    let hub = Hub::new(&address, Trust::Pinned(pin)).followed_by(successor);
    Ok(Welcome {
        session,
        dialer: hub.dialer(reply.name.as_str(), Credential::Key(Arc::new(key))),
        name: reply.name,
        enrolled: reply.key,
    })
}

/// Joins by the key that this device got by an earlier use of the ticket: a service is started with
/// the same ticket again and again. None where there is no such key, or the hub does not take it.
async fn by_key(
    ticket: &JoinTicket,
    device: Option<&DeviceName>,
    keys: &DeviceKeys,
    output: &Output,
) -> Result<Option<Welcome>, Failure> {
    let chosen = chosen::read()?.map(|choice| choice.device);
    let name = match (device, ticket.subject()) {
        (Some(name), _) | (None, TicketSubject::Name(name)) => name,
        (None, TicketSubject::Prefix(prefix)) => match &chosen {
            Some(name) if name.as_str().starts_with(prefix.as_str()) => name,
            _ => return Ok(None),
        },
    };
    let known = KnownHubs::in_folder(state_folder()?);
    for text in ticket.addresses() {
        let Ok(address) = text.parse::<HubAddress>() else {
            continue;
        };
        let Some(pin) = known.pin(&address)? else {
            continue;
        };
        let Some(key) = keys.find(pin, name)? else {
            continue;
        };
        let credential = Credential::Key(Arc::new(key));
        let successor = successor(false, output)?;
        let mut hub = Hub::new(&address, Trust::Pinned(pin)).followed_by(successor);
        let attached = hub.attach(None, name.as_str(), &credential).await;
        if attached.is_err() && pin != ticket.hub() {
            // Another hub than the ticket's, perhaps: the ticket says which one is meant.
            return Ok(None);
        }
        return match identity::unless_refused(attached)? {
            Ok(attached) => Ok(Some(login::welcome(
                attached,
                &hub,
                name.as_str(),
                credential,
            ))),
            // It was revoked: this ticket may bring a new one.
            Err(_) => Ok(None),
        };
    }
    Ok(None)
}

/// The same ticket, name and key are one use, however often they are tried.
async fn try_patiently(
    ticket: &JoinTicket,
    device: Option<&DeviceName>,
    key: &PendingKey,
    (pin, successor): (&mut HubPin, &Successor),
) -> Result<Redeemed, Error> {
    let began = Instant::now();
    let mut backoff = Backoff::default();
    loop {
        match redeem(ticket, device, key.pair(), CLIENT, (pin, successor)).await {
            Err(error) if may_pass(&error) && began.elapsed() < PATIENCE => {
                tracing::debug!(%error, "trying again");
                sleep(backoff.next_wait()).await;
            }
            tried => return tried,
        }
    }
}

fn may_pass(error: &Error) -> bool {
    let answered = matches!(error.kind(), ErrorKind::Refused(_) | ErrorKind::Closed(_));
    answered && error.retry() == Retry::Soon
}

/// Whether no later try with this ticket and key can succeed.
fn is_final(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NoSuchTicket
            | ErrorCode::TicketUsed
            | ErrorCode::TicketExpired
            | ErrorCode::TicketRevoked
    )
}

/// A device that was let in by the ticket before need not be told that it comes too late.
fn advise(
    mut error: RpcError,
    ticket: &JoinTicket,
    device: Option<&DeviceName>,
    (keys, hub): (&DeviceKeys, HubPin),
) -> RpcError {
    let name = match (device, ticket.subject()) {
        (Some(name), _) | (None, TicketSubject::Name(name)) => name,
        (None, TicketSubject::Prefix(_)) => return error,
    };
    if error.code == ErrorCode::TicketUsed && matches!(keys.find(hub, name), Ok(Some(_))) {
        let address = &ticket.addresses()[0];
        error.message.push_str(&format!(
            "; this device has a key: fleetlink join {address} --device {name}"
        ));
    }
    error
}
