//! Reaching a hub, and whether it is the right one.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fleetlink_proto::HubPin;
use tokio::time::sleep;

use super::{ClientBuilder, FirstUse, Notice};
use crate::kept_file::off_runtime;
use crate::retry::{Attempt, Patience, Tries, retry};
use crate::{
    Connection, Credential, Dialer, Error, ErrorKind, HubAddress, KnownHubs, Result, Successor,
    Trust, connect,
};

/// A hub that is to be reached.
pub(super) struct Meeting<'a> {
    builder: &'a ClientBuilder,
    address: HubAddress,
    pin: Option<HubPin>,
    known: KnownHubs,
    successor: Successor,
}

/// A hub that was reached, and how it is recognised from here on.
pub(super) struct Hub {
    pub(super) address: HubAddress,
    pub(super) trust: Trust,
    /// Follows the hub to an announced key; without it the device does not follow.
    pub(super) successor: Option<Successor>,
    pub(super) program: String,
}

impl ClientBuilder {
    /// Follows to an announced key, and says so.
    pub(super) fn successor(&self, state: &Path) -> Successor {
        let notices = Arc::clone(&self.notices);
        Successor::in_folder(state, move |moved| {
            notices(&Notice::HubMoved(moved.clone()));
        })
    }
}

impl ClientBuilder {
    /// Waits before another try to reach the hub, and says so unless it was told before.
    pub(super) async fn wait_for_hub(
        &self,
        address: &HubAddress,
        told: bool,
        error: &Error,
        wait: Duration,
    ) {
        if !told {
            self.tell(&Notice::Waiting {
                address: address.clone(),
                error: error.clone(),
            });
        }
        sleep(wait).await;
    }
}

impl<'a> Meeting<'a> {
    pub(super) fn new(
        builder: &'a ClientBuilder,
        (address, pin): (HubAddress, Option<HubPin>),
        state: &Path,
    ) -> Self {
        Meeting {
            builder,
            address,
            pin,
            known: KnownHubs::in_folder(state),
            successor: builder.successor(state),
        }
    }

    /// Connects. The hub's key must be the given or the remembered one; what becomes of a hub that
    /// was never met, the builder says.
    pub(super) async fn connect(&self) -> Result<(Connection, Hub)> {
        if self.builder.plain && self.pin.is_some() {
            let why = "plain TCP shows no key: a hub with a pin is reached over TLS";
            return Err(Error::usage(why));
        }
        if self.builder.unpinned_on_this_host && self.pin.is_none() {
            match connect(&self.address, Trust::Loopback).await {
                Err(error) if matches!(error.kind(), ErrorKind::Elsewhere) => {}
                reached => return Ok((reached?, self.hub(Trust::Loopback, None))),
            }
        }
        let pinned = match self.pin {
            Some(pin) => Some(pin),
            None if self.builder.plain => None,
            None => self.known.pin(&self.address)?,
        };
        let trust = match pinned {
            _ if self.builder.plain => Trust::Plain,
            Some(pin) => Trust::Pinned(pin),
            None => Trust::Learn,
        };
        let mut hub = self.hub(trust, Some(self.successor.clone()));
        let connection = self.wait_for(&mut hub).await?;
        let on_this_host = connection.peer.ip().to_canonical().is_loopback();
        if let (Some(given), Some(found), false) = (self.pin, connection.pin, on_this_host) {
            self.keep_given(given, found).await;
        }
        if let Some(found) = connection.pin.filter(|_| trust == Trust::Learn) {
            self.meet(found, on_this_host).await?;
            hub.trust = Trust::Pinned(found);
        }
        Ok((connection, hub))
    }

    fn hub(&self, trust: Trust, successor: Option<Successor>) -> Hub {
        Hub {
            address: self.address.clone(),
            trust,
            successor,
            program: self.builder.program.clone(),
        }
    }

    /// Connects; a hub that cannot be reached yet is waited for.
    async fn wait_for(&self, hub: &mut Hub) -> Result<Connection> {
        let mut waiting = Waiting {
            meeting: self,
            hub,
            told: false,
        };
        retry(
            &mut Tries::new(Patience::For(self.builder.wait)),
            &mut waiting,
        )
        .await
    }

    /// Decides about a hub that was never met at this address.
    async fn meet(&self, found: HubPin, on_this_host: bool) -> Result<()> {
        let policy = self.builder.first_use;
        if policy == FirstUse::Trust || policy == FirstUse::Ask && on_this_host {
            return self.keep(found).await;
        }
        if policy == FirstUse::Ask
            && let Some(met_at) = self.met_elsewhere(found)?
        {
            self.keep(found).await?;
            let address = self.address.clone();
            self.builder.tell(&Notice::SameHub { address, met_at });
            return Ok(());
        }
        let address = self.address.clone();
        let message = format!("the hub at {address} is not known yet; its pin is {found}");
        Err(Error::new(
            ErrorKind::UnknownHub { address, found },
            message,
        ))
    }

    async fn keep(&self, found: HubPin) -> Result<()> {
        let (known, address) = (self.known.clone(), self.address.clone());
        off_runtime(move || known.keep(&address, found)).await
    }

    /// Another address at which this hub was met. Of a hub that was met on this host alone a person
    /// has never said that it is the right one.
    fn met_elsewhere(&self, pin: HubPin) -> Result<Option<String>> {
        let mut addresses = self.known.addresses(pin)?;
        addresses.retain(|address| !is_this_host(address));
        Ok(addresses.into_iter().next())
    }

    /// Remembers a hub whose pin was given and confirmed, as if a person had said yes. Where that
    /// cannot be written the client goes on: the pin can be given again.
    async fn keep_given(&self, pin: HubPin, found: HubPin) {
        let kept = match self.known.pin(&self.address) {
            Ok(Some(kept)) if kept == found => return,
            // An older pin that leads to this key was moved by whoever followed it.
            Ok(_) => self.keep(found).await,
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            self.builder.tell(&Notice::PinNotKept { pin, error });
        }
    }
}

struct Waiting<'a> {
    meeting: &'a Meeting<'a>,
    hub: &'a mut Hub,
    told: bool,
}

impl Attempt for Waiting<'_> {
    type Done = Connection;

    async fn attempt(&mut self, _: &mut Tries) -> Result<Connection> {
        self.hub.connect().await
    }

    async fn wait(&mut self, error: &Error, wait: Duration) -> Result<()> {
        let told = std::mem::replace(&mut self.told, true);
        let builder = self.meeting.builder;
        builder
            .wait_for_hub(&self.hub.address, told, error, wait)
            .await;
        Ok(())
    }
}

impl Hub {
    pub(super) async fn connect(&mut self) -> Result<Connection> {
        match &self.successor {
            Some(successor) => {
                let (address, trust) = (&self.address, &mut self.trust);
                successor.connect(address, trust, &self.program).await
            }
            None => connect(&self.address, self.trust).await,
        }
    }

    /// Returns the dialer that logs in again under this name.
    pub(super) fn dialer(&self, name: &str, credential: Credential) -> Dialer {
        Dialer {
            address: self.address.clone(),
            trust: self.trust,
            name: name.to_owned(),
            credential: credential.into(),
            client: self.program.clone(),
            successor: self.successor.clone(),
        }
    }
}

fn is_this_host(address: &str) -> bool {
    let host = address.parse::<HubAddress>();
    host.is_ok_and(|hub| {
        let ip = hub.host().parse::<IpAddr>();
        hub.host() == "localhost" || ip.is_ok_and(|ip| ip.to_canonical().is_loopback())
    })
}
