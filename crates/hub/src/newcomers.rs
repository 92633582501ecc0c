//! A bound on how many connections of one source may be in their handshake.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetlink_proto::control::limits::MAX_HANDSHAKES_PER_SOURCE;

/// Connections that have not finished their TLS handshake, by source: an IPv4 address or an IPv6
/// /56. Loopback is not counted.
#[derive(Clone, Default)]
pub(crate) struct Newcomers {
    sources: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection's place; given back when dropped.
pub(crate) struct Place {
    newcomers: Newcomers,
    source: Option<IpAddr>,
}

impl Newcomers {
    /// A place for a connection from this address, unless its source has all of its own.
    pub(crate) fn admit(&self, address: IpAddr) -> Option<Place> {
        let source = source(address);
        if let Some(source) = source {
            let mut sources = self.sources();
            let count = sources.entry(source).or_default();
            if *count >= MAX_HANDSHAKES_PER_SOURCE {
                return None;
            }
            *count += 1;
        }
        Some(Place {
            newcomers: self.clone(),
            source,
        })
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(source) = self.source else { return };
        let mut sources = self.newcomers.sources();
        if let Some(count) = sources.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                sources.remove(&source);
            }
        }
    }
}

/// The first 56 bits of an IPv6 address: what a provider gives one customer.
fn source(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    if address.is_loopback() {
        return None;
    }
    Some(match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let prefix = address.to_bits() >> (128 - 56) << (128 - 56);
            IpAddr::V6(Ipv6Addr::from_bits(prefix))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_a_bound_and_who_goes_makes_room() {
        let newcomers = Newcomers::default();
        let admit = |address: &str| newcomers.admit(address.parse().unwrap());
        let mut places: Vec<_> = (0..MAX_HANDSHAKES_PER_SOURCE)
            .map(|n| admit(&format!("2001:db8::{n:x}")).unwrap())
            .collect();
        assert!(admit("2001:db8::ffff").is_none(), "the same /56");
        assert!(admit("2001:db8:0:100::1").is_some(), "another /56");
        assert!(admit("192.0.2.1").is_some());
        places.pop();
        assert!(admit("2001:db8::ffff").is_some());
        drop(places);
        assert!(newcomers.sources().is_empty());
    }

    #[test]
    fn loopback_is_not_counted() {
        let newcomers = Newcomers::default();
        let places: Vec<_> = (0..=MAX_HANDSHAKES_PER_SOURCE)
            .map(|_| newcomers.admit("::ffff:127.0.0.1".parse().unwrap()))
            .collect();
        assert!(places.iter().all(Option::is_some));
    }
}
