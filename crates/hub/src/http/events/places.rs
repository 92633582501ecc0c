//! The bounds on how many streams of events are open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetlink_core::Caller;
use fleetlink_proto::ClientNetwork;
use fleetlink_proto::access::AccessHash;

use super::super::limits::{
    MAX_STREAMS, MAX_STREAMS_OF_DEVICES, MAX_STREAMS_PER_CALLER, MAX_STREAMS_PER_DEVICE,
    MAX_STREAMS_PER_NETWORK,
};

/// The owner of a stream, by which they are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Owner {
    Hub,
    Network(ClientNetwork),
    /// All devices together.
    Devices,
    Device(Box<str>),
    Secret(AccessHash),
}

impl Owner {
    fn most(&self) -> usize {
        match self {
            Owner::Hub => MAX_STREAMS,
            Owner::Network(_) => MAX_STREAMS_PER_NETWORK,
            Owner::Devices => MAX_STREAMS_OF_DEVICES,
            Owner::Device(_) => MAX_STREAMS_PER_DEVICE,
            Owner::Secret(_) => MAX_STREAMS_PER_CALLER,
        }
    }

    fn of(caller: &Caller) -> Option<Self> {
        match caller {
            Caller::Device { name, .. } => Some(Owner::Device(name.folded().into())),
            Caller::Administrator(person) | Caller::Viewer(person) => {
                Some(Owner::Secret(person.secret))
            }
            Caller::Nobody | Caller::Operator => None,
        }
    }
}

/// The open streams by their owners.
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamPlaces(Arc<Mutex<HashMap<Owner, usize>>>);

/// The place of a stream; given back when dropped.
#[derive(Debug)]
pub(super) struct StreamPlace {
    places: StreamPlaces,
    owners: Vec<Owner>,
}

impl StreamPlaces {
    /// A place for a stream, unless one of its owners has all of its own.
    pub(super) fn admit(&self, caller: &Caller, address: IpAddr) -> Option<StreamPlace> {
        let network = Owner::Network(ClientNetwork::of(address));
        let devices = matches!(caller, Caller::Device { .. }).then_some(Owner::Devices);
        let owners = [Some(Owner::Hub), Some(network), devices, Owner::of(caller)];
        let owners: Vec<Owner> = owners.into_iter().flatten().collect();
        let mut counts = self.counts();
        let has_room = |owner: &Owner| counts.get(owner).is_none_or(|count| *count < owner.most());
        if !owners.iter().all(has_room) {
            return None;
        }
        for owner in &owners {
            *counts.entry(owner.clone()).or_default() += 1;
        }
        Some(StreamPlace {
            places: self.clone(),
            owners,
        })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Owner, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut counts = self.places.counts();
        for owner in &self.owners {
            if let Some(count) = counts.get_mut(owner) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(owner);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_core::{Person, Proof};

    use super::*;

    fn viewer(secret: u8) -> Caller {
        Caller::Viewer(Box::new(Person {
            is_token: false,
            address: None,
            name: "ana".into(),
            secret: AccessHash::from_bytes([secret; 32]),
            expires: None,
        }))
    }

    #[test]
    fn devices_leave_room_for_people() {
        let places = StreamPlaces::default();
        let admit = |device: usize| {
            let caller = Caller::Device {
                name: format!("d{device}").parse().unwrap(),
                proof: Proof::Token(AccessHash::from_bytes([1; 32])),
                address: None,
            };
            let network = u8::try_from(device % 200).unwrap();
            places.admit(&caller, IpAddr::from([10, 0, network, 1]))
        };
        let of_one: Vec<_> = (0..10).filter_map(|_| admit(0)).collect();
        assert_eq!(of_one.len(), MAX_STREAMS_PER_DEVICE);
        let others = (1..MAX_STREAMS).flat_map(|device| [admit(device), admit(device)]);
        let of_all: Vec<_> = others.flatten().collect();
        assert_eq!(of_one.len() + of_all.len(), MAX_STREAMS_OF_DEVICES);
        assert!(
            places
                .admit(&viewer(1), IpAddr::from([10, 1, 0, 1]))
                .is_some()
        );
    }

    #[test]
    fn the_hub_a_network_and_a_caller_have_their_bounds() {
        let places = StreamPlaces::default();
        let admit = |secret, network: u8| {
            let address = IpAddr::from([10, 0, network, 1]);
            places.admit(&viewer(secret), address)
        };
        let of_caller: Vec<_> = (0..).map_while(|n| admit(0, n)).collect();
        assert_eq!(of_caller.len(), MAX_STREAMS_PER_CALLER);
        drop(of_caller);
        let of_network: Vec<_> = (0..).map_while(|n| admit(n, 0)).collect();
        assert_eq!(of_network.len(), MAX_STREAMS_PER_NETWORK);
        let of_hub: Vec<_> = (0..200)
            .flat_map(|n| (0..4).map(move |m| (n, m)))
            .map_while(|(n, m)| admit(100 + n % 150, 1 + (n * 4 + m) % 200))
            .collect();
        assert_eq!(of_network.len() + of_hub.len(), MAX_STREAMS);
        drop((of_network, of_hub));
        assert!(places.counts().is_empty());
    }
}
