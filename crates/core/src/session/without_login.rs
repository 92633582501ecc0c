//! A bound on how many sessions one client network may keep open without a login.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fleetlink_proto::ClientNetwork;
use fleetlink_proto::control::limits::MAX_UNKNOWN_SESSIONS_PER_NETWORK;

/// `None` for loopback, which is not counted: whoever is on the hub's own machine is no stranger.
fn counted(address: IpAddr) -> Option<ClientNetwork> {
    (!address.to_canonical().is_loopback()).then(|| ClientNetwork::of(address))
}

/// The number of sessions without a login of each client network.
#[derive(Debug, Default)]
pub(crate) struct UnknownSessions {
    open: BTreeMap<ClientNetwork, usize>,
}

impl UnknownSessions {
    /// Counts a session of this address; `false` where its client network has as many as it may have.
    pub(crate) fn admit(&mut self, address: IpAddr) -> bool {
        let Some(network) = counted(address) else {
            return true;
        };
        let open = self.open.entry(network).or_default();
        if *open >= MAX_UNKNOWN_SESSIONS_PER_NETWORK {
            return false;
        }
        *open += 1;
        true
    }

    /// A session of this address logged in or went.
    pub(crate) fn release(&mut self, address: IpAddr) {
        let Some(network) = counted(address) else {
            return;
        };
        if let Some(open) = self.open.get_mut(&network) {
            *open -= 1;
            if *open == 0 {
                self.open.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(addresses: impl Iterator<Item = String>) -> usize {
        let mut unknown = UnknownSessions::default();
        addresses
            .filter(|address| unknown.admit(address.parse().unwrap()))
            .count()
    }

    #[test]
    fn one_source_has_a_bound() {
        let limit = MAX_UNKNOWN_SESSIONS_PER_NETWORK;
        let many = limit + 10;
        assert_eq!(admitted((0..many).map(|_| "192.0.2.1".to_owned())), limit);
        assert_eq!(admitted((0..many).map(|n| format!("192.0.2.{n}"))), many);
        let one_customer = (0..many).map(|n| format!("2001:db8:1:{n:x}::1"));
        assert_eq!(admitted(one_customer), limit);
        let mapped = (0..many).map(|n| match n % 2 {
            0 => "192.0.2.1".to_owned(),
            _ => "::ffff:192.0.2.1".to_owned(),
        });
        assert_eq!(admitted(mapped), limit);
    }

    #[test]
    fn loopback_is_not_counted() {
        for address in ["127.0.0.1", "::1", "::ffff:127.3.2.1"] {
            assert_eq!(admitted((0..200).map(|_| address.to_owned())), 200);
        }
    }

    #[test]
    fn who_goes_makes_room() {
        let mut unknown = UnknownSessions::default();
        let address = "192.0.2.1".parse().unwrap();
        while unknown.admit(address) {}
        unknown.release(address);
        assert!(unknown.admit(address));
        assert!(!unknown.admit(address));
    }
}
