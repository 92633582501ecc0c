//! The table of the ids in use.

use std::time::Duration;

use super::id::LeaseId;
use super::limits::IDS;

/// The time at which each id is free again. A grant looks at one place and allocates nothing.
#[derive(Debug, Clone)]
pub struct LeaseTable {
    free_from: Box<[Duration]>,
    lease: Duration,
}

impl LeaseTable {
    /// All ids free; each grant is for so long.
    pub fn new(lease: Duration) -> Self {
        LeaseTable {
            free_from: vec![Duration::ZERO; IDS.into()].into_boxed_slice(),
            lease,
        }
    }

    /// Whether the id can be granted: now >= grant + lease.
    pub fn is_free(&self, id: LeaseId, now: Duration) -> bool {
        now >= self.free_from[id.index()]
    }

    /// Grants a free id, and returns when it will expire; `None` where it is in use, which
    /// renews nothing.
    pub fn grant(&mut self, id: LeaseId, now: Duration) -> Option<Duration> {
        if !self.is_free(id, now) {
            return None;
        }
        let expires = now.saturating_add(self.lease);
        self.free_from[id.index()] = expires;
        Some(expires)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_free_again_exactly_at_its_end() {
        let mut table = LeaseTable::new(Duration::from_secs(30));
        let id = "0007".parse().unwrap();
        let begin = Duration::from_millis(1500);
        let end = begin + Duration::from_secs(30);
        assert_eq!(table.grant(id, begin), Some(end));
        assert_eq!(table.grant(id, end - Duration::from_nanos(1)), None);
        assert!(table.grant(id, end).is_some(), "asking renews nothing");
        assert!(table.grant("0008".parse().unwrap(), end).is_some());
    }

    #[test]
    fn a_lease_may_be_endless() {
        let mut table = LeaseTable::new(Duration::MAX);
        let id = "0007".parse().unwrap();
        assert!(table.grant(id, Duration::from_secs(1)).is_some());
        assert!(!table.is_free(id, Duration::from_secs(u64::MAX)));
    }
}
