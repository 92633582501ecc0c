//! Logging in by a join ticket: no password, no question about the hub.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fleetlink_proto::control::{ErrorCode, LoginReply};
use fleetlink_proto::ticket::{JoinTicket, TicketSubject};
use fleetlink_proto::{DeviceName, HubPin};

use super::meeting::Hub;
use super::{ClientBuilder, LoggedIn, Notice};
use crate::kept_file::off_runtime;
use crate::limits::OPENING_PATIENCE;
use crate::redeem::find_hub;
use crate::retry::{Attempt, Patience, Tries, retry};
use crate::{
    Chosen, Connection, Credential, DeviceKeys, Error, ErrorKind, HubAddress, KeyPair, KnownHubs,
    Result, Retry, Session, Successor, Trust,
};

impl ClientBuilder {
    /// Uses the ticket, and keeps what it brings: the key and the hub's pin.
    pub(super) async fn log_in_by_ticket(
        &self,
        ticket: &JoinTicket,
        state: &Path,
    ) -> Result<(LoggedIn, HubAddress)> {
        let places = self.places(ticket)?;
        let device = self.device_name()?;
        let keys = DeviceKeys::in_folder(state);
        if self.by_key
            && let Some(found) = self.by_key_of(ticket, &places, state).await?
        {
            return Ok(found);
        }
        // On the disk before the hub hears of it: an answer that is lost, or a crash, costs nothing.
        let key = keys.for_ticket(ticket)?;
        let mut redemption = Redemption {
            builder: self,
            ticket,
            places: &places,
            device: device.as_ref(),
            key: key.pair(),
            pin: ticket.hub(),
            successor: self.successor(state),
            told: false,
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
            Err(error) => {
                if error
                    .refusal()
                    .is_some_and(|refused| is_final(refused.code))
                {
                    key.discard()?;
                }
                return Err(error);
            }
        };
        let (known, met) = (KnownHubs::in_folder(state), address.clone());
        let name = reply.name.clone();
        let keeping = off_runtime(move || {
            let key = key.keep(pin, &name)?;
            known.keep(&met, pin)?;
            Ok(key)
        });
        let key = keeping.await?;
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

    /// The addresses at which the hub of the ticket is looked for: the one that was given first, then
    /// those of the ticket. Everything else that was given must fit the ticket.
    fn places(&self, ticket: &JoinTicket) -> Result<Vec<HubAddress>> {
        if self.plain {
            return Err(Error::usage(
                "a join ticket is used over TLS alone: it does not go with plain",
            ));
        }
        if self.password.is_some() {
            return Err(Error::usage(
                "a join ticket takes the place of a password: give one of the two",
            ));
        }
        let mut places = Vec::new();
        let mut pin = self.pin;
        if self.hub.is_some() {
            let (address, given) = self.address()?;
            places.push(address);
            pin = given;
        }
        if pin.is_some_and(|pin| pin != ticket.hub()) {
            return Err(Error::usage(
                "the pin that is given is not that of the join ticket's hub",
            ));
        }
        for text in ticket.addresses() {
            match text.parse() {
                Ok(address) if places.contains(&address) => {}
                Ok(address) => places.push(address),
                Err(error) => tracing::debug!(text, %error, "the ticket names no such address"),
            }
        }
        match places.is_empty() {
            true => Err(Error::usage("the join ticket has no address of its hub")),
            false => Ok(places),
        }
    }

    /// Logs in by the key that this device got by an earlier use of the ticket. `None` where there is
    /// no such key, or the hub does not accept it.
    async fn by_key_of(
        &self,
        ticket: &JoinTicket,
        places: &[HubAddress],
        state: &Path,
    ) -> Result<Option<(LoggedIn, HubAddress)>> {
        let Some(name) = self.name_of(ticket, state)? else {
            return Ok(None);
        };
        // At first use there is none, and the hub need not be asked twice.
        if !DeviceKeys::in_folder(state).has_any(&name)? {
            return Ok(None);
        }
        let mut login = KeyLogin {
            builder: self,
            ticket,
            places,
            name,
            state,
            told: false,
        };
        retry(&mut Tries::new(Patience::For(self.wait)), &mut login).await
    }

    /// The name for which this device may have a key by the ticket.
    fn name_of(&self, ticket: &JoinTicket, state: &Path) -> Result<Option<DeviceName>> {
        Ok(match (self.device_name()?, ticket.subject()) {
            (Some(name), _) => Some(name),
            (None, TicketSubject::Name(name)) => Some(name.clone()),
            (None, TicketSubject::Prefix(prefix)) => {
                let chosen = Chosen::in_folder(state).read()?;
                let chosen = chosen.map(|choice| choice.device);
                chosen.filter(|name| name.as_str().starts_with(prefix.as_str()))
            }
        })
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

/// A login by the key that an earlier use of the ticket brought.
struct KeyLogin<'a> {
    builder: &'a ClientBuilder,
    ticket: &'a JoinTicket,
    places: &'a [HubAddress],
    name: DeviceName,
    state: &'a Path,
    /// Whether it was told that the hub is waited for.
    told: bool,
}

impl KeyLogin<'_> {
    fn is_of_ticket(&self, place: &HubAddress) -> bool {
        let mut named = self.ticket.addresses().iter();
        named.any(|text| text.parse().is_ok_and(|named: HubAddress| named == *place))
    }
}

/// Whether another key was shown than the hub's, and the hub has not announced it.
fn is_another_hub(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::PinChanged { .. }) && error.retry() != Retry::Soon
}

impl Attempt for KeyLogin<'_> {
    /// `None` where there is no key, or the hub does not accept it.
    type Done = Option<(LoggedIn, HubAddress)>;

    /// Tries each address at which the hub may be.
    async fn attempt(&mut self, _: &mut Tries) -> Result<Self::Done> {
        let known = KnownHubs::in_folder(self.state);
        let keys = DeviceKeys::in_folder(self.state);
        // The hub may have got another key since the ticket was issued; the device has followed it.
        let mut met = None;
        for place in self.places.iter().filter(|place| self.is_of_ticket(place)) {
            met = met.or(known.pin(place)?);
        }
        let mut unreached = Vec::new();
        let mut without_key = Vec::new();
        for place in self.places {
            // What is known at an address that the ticket does not name may be another hub.
            let here = match self.is_of_ticket(place) {
                true => known.pin(place)?,
                false => None,
            };
            let pin = here.or(met).unwrap_or(self.ticket.hub());
            if without_key.contains(&pin) {
                continue;
            }
            let successor = self.builder.successor(self.state);
            let mut hub = self.builder.known_hub(place.clone(), pin, successor);
            // The key is kept under the pin that the hub has now, which it may have got anywhere.
            let connection = match hub.connect().await {
                Ok(connection) => connection,
                // Another hub than the ticket's, perhaps: the ticket says which one is meant.
                Err(error) if pin != self.ticket.hub() && is_another_hub(&error) => continue,
                Err(error) => {
                    unreached.push((pin, error));
                    continue;
                }
            };
            let Some(key) = keys.find(connection.pin.unwrap_or(pin), &self.name)? else {
                without_key.push(pin);
                continue;
            };
            let credential = Credential::Key(Arc::new(key));
            match hub
                .log_in(Some(connection), self.name.as_str(), credential)
                .await
            {
                Ok(login) => return Ok(Some((login, hub.address))),
                // It was revoked: this ticket may bring a new one.
                Err(error) if error.is_refused_with(ErrorCode::KeyRefused) => return Ok(None),
                Err(error) if error.refusal().is_some() => return Err(error),
                Err(error) => unreached.push((pin, error)),
            }
        }
        // A hub that cannot be asked just now is waited for: the ticket would bring a second account.
        let mut unreached = unreached.into_iter();
        let unasked = unreached.find(|(pin, _)| !without_key.contains(pin));
        unasked.map_or(Ok(None), |(_, error)| Err(error))
    }

    async fn wait(&mut self, error: &Error, wait: Duration) -> Result<()> {
        let told = std::mem::replace(&mut self.told, true);
        self.builder
            .wait_for_hub(&self.places[0], told, error, wait)
            .await;
        Ok(())
    }
}

/// The same ticket, name and key are one use, however often they are tried.
struct Redemption<'a> {
    builder: &'a ClientBuilder,
    ticket: &'a JoinTicket,
    places: &'a [HubAddress],
    device: Option<&'a DeviceName>,
    key: &'a KeyPair,
    pin: HubPin,
    successor: Successor,
    /// Whether it was told that the hub is waited for.
    told: bool,
}

impl Attempt for Redemption<'_> {
    type Done = Redeemed;

    async fn attempt(&mut self, _: &mut Tries) -> Result<Redeemed> {
        let patience = Patience::For(self.builder.wait);
        let (connection, address) = retry(&mut Tries::new(patience), &mut Reaching(self)).await?;
        let (session, _) = Session::open(connection, &self.builder.program).await?;
        let secret = self.ticket.secret();
        let reply = session.redeem_ticket(secret, self.device, self.key).await?;
        Ok(Redeemed {
            session,
            reply,
            address,
        })
    }
}

/// The first step, which is waited for as long as the builder says.
struct Reaching<'a, 'b>(&'a mut Redemption<'b>);

impl Attempt for Reaching<'_, '_> {
    type Done = (Connection, HubAddress);

    async fn attempt(&mut self, _: &mut Tries) -> Result<Self::Done> {
        let this = &mut *self.0;
        let known = (&mut this.pin, &this.successor);
        find_hub(this.places, &this.builder.program, known).await
    }

    async fn wait(&mut self, error: &Error, wait: Duration) -> Result<()> {
        let told = std::mem::replace(&mut self.0.told, true);
        let place = &self.0.places[0];
        self.0.builder.wait_for_hub(place, told, error, wait).await;
        Ok(())
    }
}

/// A ticket that was used.
struct Redeemed {
    /// The session, logged in.
    session: Session,
    /// The hub's reply, with the device's name.
    reply: LoginReply,
    /// The address at which the hub was found.
    address: HubAddress,
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
