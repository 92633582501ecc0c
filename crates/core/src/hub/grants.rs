//! Files from device to device: the hub names the two to each other, and carries nothing.

use std::net::{IpAddr, SocketAddr};

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::{AnnounceEndpoint, OpenTransfer, Reply, RpcError};
use fleetlink_proto::transfer::limits::GRANT_LIFETIME;
use fleetlink_proto::transfer::{Addresses, EndpointCertificate, GrantedParty, Party};

use crate::access::possession::Possession;
use crate::call::Call;
use crate::console::{Command, ConsoleEvent};
use crate::effect::Effect;
use crate::errors;
use crate::files::command::refuse;
use crate::hub::Hub;
use crate::hub::routing::Context;
use crate::ids::SessionId;
use crate::presence::device::{Member, Reached};
use crate::session::state::Stage;

impl Hub {
    /// A device that has joined says by which endpoint it is reached. Its own key must say so too:
    /// the enrolled one, where there is one.
    pub(super) fn announce_endpoint(
        &mut self,
        call: Call<AnnounceEndpoint>,
        Context { possession, .. }: Context,
    ) {
        let (announce, call) = call.split();
        let reached = Reached {
            endpoint: announce.certificate.certificate,
            addresses: announce.addresses,
        };
        let session = call.session().and_then(|id| self.out.sessions.get(id));
        let Some(Stage::Joined { name, generation }) = session.map(|session| &session.stage) else {
            let error = errors::out_of_order("an endpoint is announced after the join");
            return call.refuse(error, &mut self.out);
        };
        if let Err(error) = self.check_certificate(name, &reached.endpoint, possession) {
            return call.refuse(error, &mut self.out);
        }
        self.presence.set_reached(name, *generation, reached);
        call.ok(Reply::Done(Default::default()), &mut self.out);
    }

    /// Lets a device send files to an active one, for a short time: from the endpoint that it names
    /// here, or from the one that it has announced.
    pub(super) fn open_transfer(
        &mut self,
        call: Call<OpenTransfer>,
        Context { now, possession }: Context,
    ) {
        let (open, call) = call.split();
        let (Some(session), Some(name)) = (call.session(), call.device().cloned()) else {
            let error = errors::out_of_order("files are sent in a session");
            return call.refuse(error, &mut self.out);
        };
        let (name, to) = (&name, &open.to);
        let named = open
            .certificate
            .map(|signed| (signed.certificate, possession));
        self.show(ConsoleEvent::Issued {
            device: name.clone(),
            command: Command::Send,
        });
        let found = self
            .sending_endpoint(session, name, to, named)
            .and_then(|from| Ok((from, self.receiving_endpoint(session, to)?)));
        let (from, (receiver, addresses)) = match found {
            Ok(found) => found,
            Err(error) => return refuse(call, Command::Send, error, &mut self.out),
        };
        self.show(ConsoleEvent::Granted {
            device: name.clone(),
            to: to.clone(),
        });
        let Some((session, id)) = call.hand_over(&mut self.out) else {
            return;
        };
        let grant = Effect::Grant {
            session,
            id,
            known_by: [from.hub, receiver.hub],
            from: Box::new(self.granted(from.party)),
            to: Box::new(self.granted(receiver.party)),
            expires: self.clock(now).later(GRANT_LIFETIME),
            addresses,
        };
        self.out.push(grant);
    }

    /// The endpoint from which a session sends.
    fn sending_endpoint(
        &self,
        session: SessionId,
        name: &DeviceName,
        to: &DeviceName,
        named: Option<(EndpointCertificate, Possession)>,
    ) -> Result<EndpointCertificate, RpcError> {
        let joined = self
            .out
            .sessions
            .is_at(session, |stage| matches!(stage, Stage::Joined { .. }));
        if (named.is_none() && !joined) || name == to {
            let error = "files are sent from an endpoint, and to another device";
            return Err(errors::out_of_order(error));
        }
        if let Some((endpoint, possession)) = named {
            self.check_certificate(name, &endpoint, possession)?;
            return Ok(endpoint);
        }
        if !self.presence.is_active(to) {
            return Err(errors::offline(to, self.presence.alike(to)));
        }
        let own = self
            .presence
            .sessions(name)
            .find(|own| own.session == session);
        let endpoint = own.and_then(|own| self.endpoint_of(own));
        let endpoint = endpoint.map(|reached| reached.endpoint.clone());
        endpoint.ok_or_else(|| errors::no_endpoint(name))
    }

    /// The endpoint that takes files for a device, and the addresses at which this session's device
    /// may reach it: of its sessions the first that can be reached.
    fn receiving_endpoint(
        &self,
        sender: SessionId,
        to: &DeviceName,
    ) -> Result<(EndpointCertificate, Vec<SocketAddr>), RpcError> {
        if !self.presence.is_active(to) {
            return Err(errors::offline(to, self.presence.alike(to)));
        }
        let sender = self.out.sessions.get(sender).map(|session| session.address);
        let mut error = errors::no_endpoint(to);
        for member in self.presence.sessions(to) {
            let Some(reached) = self.endpoint_of(member) else {
                continue;
            };
            let seen = SocketAddr::new(member.address, member.udp_port);
            let addresses = addresses(seen, &reached.addresses, sender);
            if !addresses.is_empty() {
                return Ok((reached.endpoint.clone(), addresses));
            }
            error = errors::no_address(to);
        }
        Err(error)
    }

    /// The endpoint of a session, if the key that announced it is the device's.
    fn endpoint_of<'a>(&self, member: &'a Member) -> Option<&'a Reached> {
        let reached = member.reached.as_ref();
        reached.filter(|reached| self.is_own_key(&reached.endpoint.party))
    }

    /// Whether the device's own key has said that the endpoint is its.
    fn check_certificate(
        &self,
        name: &DeviceName,
        endpoint: &EndpointCertificate,
        possession: Possession,
    ) -> Result<(), RpcError> {
        if possession == Possession::NoChannel {
            return Err(errors::no_channel());
        }
        let party = &endpoint.party;
        let own = party.name == *name && self.is_own_key(party);
        match possession == Possession::Proven && own {
            true => Ok(()),
            false => Err(errors::bad_certificate()),
        }
    }

    /// The device as its peer is told of it.
    fn granted(&self, party: Party) -> GrantedParty {
        let account = self.accounts.get(&party.name);
        let enrolled = account.is_some_and(|account| account.key.is_some());
        GrantedParty { party, enrolled }
    }

    /// Whether the key that speaks for this endpoint is the device's by now: it may have been
    /// revoked or replaced since.
    fn is_own_key(&self, party: &Party) -> bool {
        let account = self.accounts.get(&party.name);
        let enrolled = account.map(|account| account.key.as_ref());
        enrolled.is_some_and(|enrolled| enrolled.is_none_or(|own| own.key == party.key))
    }
}

/// The addresses of the receiver: first the one from which the hub sees it, then those that it has
/// announced. A loopback address is only for a sender on the same host; on another host it would
/// lead to another device.
fn addresses(seen: SocketAddr, announced: &Addresses, sender: Option<IpAddr>) -> Vec<SocketAddr> {
    let same_host = sender.is_some_and(|sender| {
        sender == seen.ip() || (sender.is_loopback() && seen.ip().is_loopback())
    });
    let usable = |a: &SocketAddr| a.port() != 0 && (same_host || !a.ip().is_loopback());
    let others = announced.iter().filter(|address| *address != seen);
    std::iter::once(seen).chain(others).filter(usable).collect()
}
