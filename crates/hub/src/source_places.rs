//! A bound on how many connections of one source there may be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleetlink_proto::Source;

/// The connections by source, each source with so many places.
#[derive(Clone)]
pub(crate) struct SourcePlaces {
    most: usize,
    /// Whether loopback is a source like any other.
    counts_loopback: bool,
    sources: Arc<Mutex<HashMap<Source, usize>>>,
}

/// A connection's place; given back when dropped.
pub(crate) struct Place {
    places: SourcePlaces,
    source: Option<Source>,
}

impl SourcePlaces {
    pub(crate) fn new(most: usize) -> Self {
        SourcePlaces {
            most,
            counts_loopback: true,
            sources: Arc::default(),
        }
    }

    /// The same for who is not on the hub's own machine.
    pub(crate) fn of_strangers(most: usize) -> Self {
        SourcePlaces {
            counts_loopback: false,
            ..SourcePlaces::new(most)
        }
    }

    /// A place for a connection from this address, unless its source has all of its own.
    pub(crate) fn admit(&self, address: IpAddr) -> Option<Place> {
        let is_counted = self.counts_loopback || !address.to_canonical().is_loopback();
        let source = is_counted.then(|| Source::of(address));
        if let Some(source) = source {
            let mut sources = self.sources();
            let count = sources.entry(source).or_default();
            if *count >= self.most {
                return None;
            }
            *count += 1;
        }
        Some(Place {
            places: self.clone(),
            source,
        })
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<Source, usize>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(source) = self.source else { return };
        let mut sources = self.places.sources();
        if let Some(count) = sources.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                sources.remove(&source);
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
        let newcomers = SourcePlaces::of_strangers(MOST);
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
        assert!(newcomers.sources().is_empty());
    }

    #[test]
    fn loopback_is_counted_where_it_is_no_stranger() {
        let address = "::ffff:127.0.0.1".parse().unwrap();
        let admitted = |places: SourcePlaces| {
            let taken: Vec<_> = (0..=MOST).map(|_| places.admit(address)).collect();
            taken.iter().flatten().count()
        };
        assert_eq!(admitted(SourcePlaces::of_strangers(MOST)), MOST + 1);
        assert_eq!(admitted(SourcePlaces::new(MOST)), MOST);
    }
}
