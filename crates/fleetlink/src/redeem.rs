//! Joining by a ticket: no password, no question about the hub.

use std::sync::Arc;
use std::time::Duration;

use fleetlink_device::{
    Backoff, CallError, Closed, Credential, DeviceKeys, KnownHubs, PendingKey, RedeemError,
    Redeemed, Successor, Trust, redeem, state_folder,
};
use fleetlink_proto::control::{EndReason, ErrorCode, RpcError};
use fleetlink_proto::ticket::{JoinTicket, TicketSubject};
use fleetlink_proto::{DeviceName, HubPin};
use tokio::time::{Instant, sleep};

use crate::dial::{CLIENT, Hub, successor};
use crate::failure::Failure;
use crate::login::Welcome;
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
    // On the disk before the hub hears of it: an answer that is lost, or a crash, costs nothing.
    let key = keys.for_ticket(ticket)?;
    let successor = successor(false, output)?;
    let mut pin = ticket.hub();
    let redeemed = match try_patiently(ticket, device, &key, (&mut pin, &successor)).await {
        Ok(redeemed) => redeemed,
        Err(RedeemError::Call(CallError::Refused(error))) if is_final(error.code) => {
            key.discard()?;
            return Err(Failure::Hub(advise(error, ticket, device, (&keys, pin))));
        }
        Err(error) => return Err(error.into()),
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

/// The same ticket, name and key are one use, however often they are tried.
async fn try_patiently(
    ticket: &JoinTicket,
    device: Option<&DeviceName>,
    key: &PendingKey,
    (pin, successor): (&mut HubPin, &Successor),
) -> Result<Redeemed, RedeemError> {
    let began = Instant::now();
    let mut backoff = Backoff::default();
    loop {
        match redeem(ticket, device, key.pair(), CLIENT, (pin, successor)).await {
            Err(RedeemError::Call(error)) if may_pass(&error) && began.elapsed() < PATIENCE => {
                tracing::debug!(%error, "trying again");
                sleep(backoff.next_wait()).await;
            }
            tried => return tried,
        }
    }
}

fn may_pass(error: &CallError) -> bool {
    match error {
        CallError::Refused(error) => matches!(
            error.code,
            ErrorCode::Busy | ErrorCode::StoreUnavailable | ErrorCode::OutcomeUnknown
        ),
        CallError::Closed(Closed::ByHub { reason, .. }) => {
            matches!(reason, EndReason::Busy | EndReason::Silent)
        }
        CallError::Closed(closed) => closed.may_return(),
        _ => false,
    }
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

impl From<RedeemError> for Failure {
    fn from(error: RedeemError) -> Self {
        match error {
            RedeemError::Unreachable(_) => Failure::Unreachable(error.to_string()),
            RedeemError::Connect(error) => error.into(),
            RedeemError::Call(error) => error.into(),
        }
    }
}
