//! A bound on how many connections of one client network there may be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetlink_proto::ClientNetwork;

/// The connections by client network, each client network with so many places.
#[derive(Clone)]
pub(crate) struct NetworkPlaces {
    most: usize,
    /// Whether loopback is a client network like any other.
    counts_loopback: bool,
    networks: Arc<Mutex<HashMap<ClientNetwork, usize>>>,
}

/// A connection's place; given back when dropped.
pub(crate) struct Place {
    places: NetworkPlaces,
    network: Option<ClientNetwork>,
}

impl NetworkPlaces {
    pub(crate) fn new(most: usize) -> Self {
        NetworkPlaces {
            most,
            counts_loopback: true,
            networks: Arc::default(),
        }
    }

    /// The same for who is not on the hub's own machine.
    pub(crate) fn of_strangers(most: usize) -> Self {
        NetworkPlaces {
            counts_loopback: false,
            ..NetworkPlaces::new(most)
        }
    }

    /// A place for a connection from this address, unless its client network has all of its own.
    pub(crate) fn admit(&self, address: IpAddr) -> Option<Place> {
        let is_counted = self.counts_loopback || !address.to_canonical().is_loopback();
        let network = is_counted.then(|| ClientNetwork::of(address));
        if let Some(network) = network {
            let mut networks = self.networks();
            let count = networks.entry(network).or_default();
            if *count >= self.most {
                return None;
            }
            *count += 1;
        }
        Some(Place {
            places: self.clone(),
            network,
        })
    }

    fn networks(&self) -> MutexGuard<'_, HashMap<ClientNetwork, usize>> {
        self.networks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut networks = self.places.networks();
        if let Some(count) = networks.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                networks.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 64;

    #[test]
    fn a_source_has_a_bound_and_who_goes_makes_room() {
        let newcomers = NetworkPlaces::of_strangers(MOST);
        let admit = |address: &str| newcomers.admit(address.parse().unwrap());
        let mut places: Vec<_> = (0..MOST)
            .map(|n| admit(&format!("2001:db8::{n:x}")).unwrap())
            .collect();
        assert!(admit("2001:db8::ffff").is_none(), "the same /56");
        assert!(admit("2001:db8:0:100::1").is_some(), "another /56");
        assert!(admit("192.0.2.1").is_some());
        places.pop();
        assert!(admit("2001:db8::ffff").is_some());
        drop(places);
        assert!(newcomers.networks().is_empty());
    }

    #[test]
    fn loopback_is_counted_where_it_is_no_stranger() {
        let address = "::ffff:127.0.0.1".parse().unwrap();
        let admitted = |places: NetworkPlaces| {
            let taken: Vec<_> = (0..=MOST).map(|_| places.admit(address)).collect();
            taken.iter().flatten().count()
        };
        assert_eq!(admitted(NetworkPlaces::of_strangers(MOST)), MOST + 1);
        assert_eq!(admitted(NetworkPlaces::new(MOST)), MOST);
    }
}
