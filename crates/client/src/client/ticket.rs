//! Logging in by a join ticket: no password, no question about the hub.

use std::path::Path;
use std::sync::Arc;

use fleetlink_proto::control::{ErrorCode, RpcError};
use fleetlink_proto::ticket::{JoinTicket, TicketSubject};
use fleetlink_proto::{DeviceName, HubPin};

use super::meeting::Hub;
use super::{ClientBuilder, LoggedIn, Notice};
use crate::limits::OPENING_PATIENCE;
use crate::retry::{Attempt, Patience, Tries, retry};
use crate::{
    Chosen, Credential, DeviceKeys, Error, HubAddress, KeyPair, KnownHubs, Redeemed, Result,
    Successor, Trust, redeem,
};

impl ClientBuilder {
    /// Uses the ticket, and keeps what it brings: the key and the hub's pin.
    pub(super) async fn log_in_by_ticket(
        &self,
        ticket: &JoinTicket,
        state: &Path,
    ) -> Result<(LoggedIn, HubAddress)> {
        let device = self.device_name();
        let keys = DeviceKeys::in_folder(state);
        if let Some(found) = self.by_key_of(ticket, device.as_ref(), state).await? {
            return Ok(found);
        }
        // On the disk before the hub hears of it: an answer that is lost, or a crash, costs nothing.
        let key = keys.for_ticket(ticket)?;
        let mut redemption = Redemption {
            ticket,
            device: device.as_ref(),
            key: key.pair(),
            program: &self.program,
            pin: ticket.hub(),
            successor: self.successor(state),
        };
        let mut tries = Tries::new(Patience::Opening(OPENING_PATIENCE));
        let redeemed = retry(&mut tries, &mut redemption).await;
        let Redemption { pin, successor, .. } = redemption;
        let Redeemed {
            session,
            reply,
            address,
        } = match redeemed {
            Ok(redeemed) => redeemed,
            Err(error) => match error.refusal() {
                Some(refused) if is_final(refused.code) => {
                    key.discard()?;
                    let refused = refused.clone();
                    let advised = advise(refused, ticket, device.as_ref(), (&keys, pin));
                    return Err(Error::refused(advised));
                }
                _ => return Err(error),
            },
        };
        let key = key.keep(pin, &reply.name)?;
        KnownHubs::in_folder(state).keep(&address, pin)?;
        self.tell(&Notice::Redeemed {
            device: reply.name.clone(),
            address: address.clone(),
        });
        let hub = self.known_hub(address, pin, successor);
        let credential = Credential::Key(Arc::new(key));
        let login = LoggedIn {
            session,
            dialer: hub.dialer(reply.name.as_str(), credential),
            name: reply.name,
            enrolled: reply.key,
        };
        Ok((login, hub.address))
    }

    /// Logs in by the key that this device got by an earlier use of the ticket. None where there is
    /// no such key, or the hub does not take it.
    async fn by_key_of(
        &self,
        ticket: &JoinTicket,
        device: Option<&DeviceName>,
        state: &Path,
    ) -> Result<Option<(LoggedIn, HubAddress)>> {
        let chosen = Chosen::in_folder(state).read()?;
        let chosen = chosen.map(|choice| choice.device);
        let name = match (device, ticket.subject()) {
            (Some(name), _) | (None, TicketSubject::Name(name)) => name,
            (None, TicketSubject::Prefix(prefix)) => match &chosen {
                Some(name) if name.as_str().starts_with(prefix.as_str()) => name,
                _ => return Ok(None),
            },
        };
        let (known, keys) = (KnownHubs::in_folder(state), DeviceKeys::in_folder(state));
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
            let mut hub = self.known_hub(address, pin, self.successor(state));
            return match hub.log_in(None, name.as_str(), credential).await {
                Ok(login) => Ok(Some((login, hub.address))),
                // Another hub than the ticket's, perhaps: the ticket says which one is meant.
                Err(_) if pin != ticket.hub() => Ok(None),
                // It was revoked: this ticket may bring a new one.
                Err(error) if error.is_refused_with(ErrorCode::KeyRefused) => Ok(None),
                Err(error) => Err(error),
            };
        }
        Ok(None)
    }

    fn known_hub(&self, address: HubAddress, pin: HubPin, successor: Successor) -> Hub {
        Hub {
            address,
            trust: Trust::Pinned(pin),
            successor: Some(successor),
            program: self.program.clone(),
        }
    }
}

/// The same ticket, name and key are one use, however often they are tried.
struct Redemption<'a> {
    ticket: &'a JoinTicket,
    device: Option<&'a DeviceName>,
    key: &'a KeyPair,
    program: &'a str,
    pin: HubPin,
    successor: Successor,
}

impl Attempt for Redemption<'_> {
    type Done = Redeemed;

    async fn attempt(&mut self, _: &mut Tries) -> Result<Redeemed> {
        let known = (&mut self.pin, &self.successor);
        redeem(self.ticket, self.device, self.key, self.program, known).await
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
