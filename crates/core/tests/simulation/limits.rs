//! Limits of a device, of a client network and of the hub, counted anew from the hub's effects.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fleetlink_core::{Capacity, SessionId};
use fleetlink_proto::ClientNetwork;
use fleetlink_proto::control::limits::MAX_UNKNOWN_SESSIONS_PER_NETWORK;

use crate::oracle::{Live, Oracle};
use crate::rng::Rng;

/// Often little of everything, so that the bounds are met.
pub(crate) fn capacity(rng: &mut Rng) -> Capacity {
    let capacity = match rng.percent(60) {
        true => Capacity {
            sessions: *rng.pick(&[6, 12, 40]),
            sessions_per_device: *rng.pick(&[1, 2, 4]),
            sessions_per_source: *rng.pick(&[2, 5, 20]),
            uploads: *rng.pick(&[1, 2, 4]),
            downloads: *rng.pick(&[1, 2, 4]),
        },
        false => Capacity::default(),
    };
    capacity.within(capacity.sessions)
}

/// Tells whether sessions have begun, ended or logged in: numbers of sessions only grow, and no session
/// logs out.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    last: Option<SessionId>,
    sessions: usize,
    logged_in: usize,
}

impl Oracle {
    fn shares(&self) -> Shares {
        Shares {
            last: self.live.keys().next_back().copied(),
            sessions: self.live.len(),
            logged_in: self
                .live
                .values()
                .filter(|live| live.name.is_some())
                .count(),
        }
    }

    /// A session that the hub did not end at once has its place.
    pub(crate) fn check_shares(&mut self) {
        let open: usize = self.live.values().map(|live| live.uploads.len()).sum();
        assert!(open <= self.capacity.uploads, "{open} uploads are open");
        let shares = self.shares();
        if shares == self.checked_shares {
            return;
        }
        self.checked_shares = shares;
        let Capacity {
            sessions,
            sessions_per_device,
            sessions_per_source,
            ..
        } = self.capacity;
        assert!(
            self.live.len() <= sessions,
            "more sessions than the hub holds"
        );
        let mut by_network = BTreeMap::new();
        let mut by_device = BTreeMap::new();
        for live in self.live.values() {
            *by_network
                .entry(ClientNetwork::of(live.address))
                .or_insert(0) += 1;
            if let Some(name) = &live.name {
                *by_device.entry(name).or_insert(0) += 1;
            }
        }
        for (network, count) in by_network {
            assert!(
                count <= sessions_per_source,
                "{network} has {count} sessions"
            );
            assert!(
                count <= (sessions / 2).max(1),
                "{network} has half of the hub"
            );
        }
        for (name, count) in by_device {
            assert!(count <= sessions_per_device, "{name} has {count} sessions");
        }
    }

    /// Nobody is turned away while there is room.
    pub(crate) fn may_turn_away(&self, session: SessionId) -> bool {
        let address = self.live[&session].address;
        let others = || self.live.iter().filter(|(id, _)| **id != session);
        let of_source = |(_, live): &(&SessionId, &Live)| {
            ClientNetwork::of(live.address) == ClientNetwork::of(address)
        };
        let unknown = others()
            .filter(of_source)
            .filter(|(_, live)| live.name.is_none());
        others().count() >= self.capacity.sessions
            || others().filter(of_source).count() >= self.capacity.sessions_per_source
            || (!is_loopback(address) && unknown.count() >= MAX_UNKNOWN_SESSIONS_PER_NETWORK)
    }

    /// Whether the device that logs in has as many sessions as it may have.
    pub(crate) fn is_device_full(&self, name: &str) -> bool {
        let is_of = |live: &&Live| {
            let own = live.name.as_ref();
            own.is_some_and(|own| own.as_str() == name)
        };
        self.live.values().filter(is_of).count() >= self.capacity.sessions_per_device
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
