//! An active device: its sessions, and which of them others are told of.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fleetlink_proto::control::ActiveDevice;
use fleetlink_proto::transfer::{Addresses, EndpointCertificate};
use fleetlink_proto::{DeviceName, Generation, WallTime};

use crate::ids::SessionId;

/// A device with its sessions; there is one at least.
#[derive(Debug)]
pub(super) struct Device {
    /// Its place in the list: the generation of the join with which it became active.
    pub(super) place: Generation,
    /// Since when.
    pub(super) since: WallTime,
    /// The sessions that share its presence, by the generation of their joins.
    pub(super) members: BTreeMap<Generation, Member>,
}

/// One session of an active device.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) session: SessionId,
    /// From where the hub sees it.
    pub(crate) address: IpAddr,
    /// The UDP port on which it accepts peers.
    pub(crate) udp_port: u16,
    /// Whether taking files is what it is for.
    pub(crate) receives: bool,
    /// The generation that it gave as its join before.
    pub(super) rejoined: Option<Generation>,
    /// Its endpoint, once it has announced one.
    pub(crate) reached: Option<Reached>,
}

/// The endpoint of a session, as others reach it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// By which endpoint, and by which key of the hub it was announced.
    pub(crate) endpoint: EndpointCertificate,
    /// Its addresses, beside the one from which the hub sees it.
    pub(crate) addresses: Addresses,
}

impl Device {
    pub(super) fn new(place: Generation, since: WallTime) -> Self {
        Device {
            place,
            since,
            members: BTreeMap::new(),
        }
    }

    /// Its sessions in the order in which files go to them: those that are there to receive first,
    /// and of these the newest.
    pub(super) fn by_preference(&self) -> impl Iterator<Item = &Member> {
        let newest_first = || self.members.values().rev();
        let receivers = newest_first().filter(|member| member.receives);
        receivers.chain(newest_first().filter(|member| !member.receives))
    }

    /// The device as others see it: with the session to which files go.
    pub(super) fn shown(&self, name: &DeviceName) -> Option<ActiveDevice> {
        self.by_preference().next().map(|member| ActiveDevice {
            name: name.clone(),
            address: member.address,
            udp_port: member.udp_port,
            since: self.since,
        })
    }

    /// Takes out the sessions from which one that gives this generation has come back: their
    /// connections may look alive for a while, and the answer to the last join may have been lost.
    pub(super) fn remove_earlier(&mut self, rejoin: Option<Generation>) -> Vec<SessionId> {
        let removed = self.members.extract_if(.., |generation, member| {
            is_earlier(*generation, member, rejoin)
        });
        removed.map(|(_, member)| member.session).collect()
    }

    /// The others.
    pub(super) fn others_than(&self, rejoin: Option<Generation>) -> impl Iterator<Item = &Member> {
        let is_other = move |(generation, member): &(&Generation, &Member)| {
            !is_earlier(**generation, member, rejoin)
        };
        self.members
            .iter()
            .filter(is_other)
            .map(|(_, member)| member)
    }

    pub(super) fn sessions(&self) -> Vec<SessionId> {
        self.members.values().map(|member| member.session).collect()
    }
}

fn is_earlier(generation: Generation, member: &Member, rejoin: Option<Generation>) -> bool {
    rejoin.is_some() && (Some(generation) == rejoin || member.rejoined == rejoin)
}
