//! The places of peers that have connected and not yet said who they are.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use fleetlink_proto::ClientNetwork;

use crate::limits::{MAX_UNKNOWN_PEERS, MAX_UNKNOWN_PEERS_PER_NETWORK};

/// Has few places, and of these a few for each client network.
#[derive(Debug, Default)]
pub(super) struct Doorstep {
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_source: BTreeMap<ClientNetwork, usize>,
}

/// The decision about a peer that knocks.
#[derive(Debug)]
pub(super) enum Decision {
    /// It may come.
    Place(Place),
    /// It is to show first that it gets what is sent to its address (RFC 9000, section 8.1.2): one
    /// that does not could take places in the name of others.
    ShowAddress,
    /// There is no place.
    Full,
}

/// A peer's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    taken: Arc<Mutex<Taken>>,
    source: ClientNetwork,
}

impl Doorstep {
    /// Somebody connects from this address, and has shown that it is its own or not.
    pub(super) fn knock(&self, address: IpAddr, shown: bool) -> Decision {
        let source = ClientNetwork::of(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_source.get(&source).copied().unwrap_or_default();
        let busy = taken.all >= MAX_UNKNOWN_PEERS / 2 || own >= MAX_UNKNOWN_PEERS_PER_NETWORK / 2;
        if busy && !shown {
            return Decision::ShowAddress;
        }
        if taken.all >= MAX_UNKNOWN_PEERS || own >= MAX_UNKNOWN_PEERS_PER_NETWORK {
            return Decision::Full;
        }
        taken.all += 1;
        taken.by_source.insert(source, own + 1);
        let taken = Arc::clone(&self.taken);
        Decision::Place(Place { taken, source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(own) = taken.by_source.get_mut(&self.source) {
            *own -= 1;
            if *own == 0 {
                taken.by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many places as these addresses get.
    fn take(doorstep: &Doorstep, shown: bool, addresses: &[String]) -> Vec<Place> {
        let knock = |address: &String| doorstep.knock(address.parse().unwrap(), shown);
        let places = addresses
            .iter()
            .map(knock)
            .map_while(|answer| match answer {
                Decision::Place(place) => Some(place),
                _ => None,
            });
        places.collect()
    }

    fn many(address: impl Fn(usize) -> String) -> Vec<String> {
        (0..200).map(address).collect()
    }

    #[test]
    fn a_source_has_a_few_places_and_leaves_the_others_theirs() {
        let doorstep = Doorstep::default();
        let limit = MAX_UNKNOWN_PEERS_PER_NETWORK;
        let one = many(|_| "192.0.2.1".to_owned());
        let taken = take(&doorstep, true, &one);
        assert_eq!(taken.len(), limit);
        let mapped = many(|_| "::ffff:192.0.2.1".to_owned());
        assert_eq!(take(&doorstep, true, &mapped).len(), 0);
        let customer = many(|n| format!("2001:db8:1:{n:x}::1"));
        assert_eq!(take(&doorstep, true, &customer).len(), limit);
        drop(taken);
        assert_eq!(take(&doorstep, true, &one).len(), limit);
        let all = many(|n| format!("198.51.100.{n}"));
        let taken = take(&doorstep, true, &all);
        assert_eq!(taken.len(), MAX_UNKNOWN_PEERS);
        let late = doorstep.knock([203, 0, 113, 1].into(), true);
        assert!(matches!(late, Decision::Full), "{late:?}");
        drop(taken);
        assert!(doorstep.taken.lock().unwrap().by_source.is_empty());
    }

    /// So nobody fills the places of an address that is not its own, nor all of them.
    #[test]
    fn who_comes_under_load_shows_its_address_first() {
        let doorstep = Doorstep::default();
        let one = many(|_| "192.0.2.1".to_owned());
        let spoofed = take(&doorstep, false, &one);
        assert_eq!(spoofed.len(), MAX_UNKNOWN_PEERS_PER_NETWORK / 2);
        let own = doorstep.knock([192, 0, 2, 1].into(), false);
        assert!(matches!(own, Decision::ShowAddress), "{own:?}");
        assert_eq!(take(&doorstep, true, &one).len(), spoofed.len());
        let all = many(|n| format!("198.51.100.{n}"));
        let spread = take(&doorstep, false, &all);
        assert_eq!(spread.len() + spoofed.len(), MAX_UNKNOWN_PEERS / 2);
        let late = doorstep.knock([203, 0, 113, 1].into(), false);
        assert!(matches!(late, Decision::ShowAddress), "{late:?}");
        let late = doorstep.knock([203, 0, 113, 1].into(), true);
        assert!(matches!(late, Decision::Place(_)), "{late:?}");
    }
}
