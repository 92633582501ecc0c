//! Records of failures, in bounded memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Records, each until a time of its own, and at most so many. Where there are too many, those go
/// first whose time comes first.
#[derive(Debug)]
pub(super) struct Remembered<K, R> {
    capacity: usize,
    records: BTreeMap<K, (Duration, R)>,
    /// Every key by the time until which its record is kept.
    by_time: BTreeSet<(Duration, K)>,
}

impl<K: Copy + Ord, R> Remembered<K, R> {
    pub(super) fn at_most(capacity: usize) -> Self {
        Remembered {
            capacity,
            records: BTreeMap::new(),
            by_time: BTreeSet::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn contains(&self, key: K) -> bool {
        self.records.contains_key(&key)
    }

    pub(super) fn get(&self, key: K) -> Option<&R> {
        self.records.get(&key).map(|(_, record)| record)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &R)> {
        self.records.iter().map(|(key, (_, record))| (key, record))
    }

    pub(super) fn take(&mut self, key: K) -> Option<R> {
        let (until, record) = self.records.remove(&key)?;
        self.by_time.remove(&(until, key));
        Some(record)
    }

    /// Keeps a record that is not there, or was taken.
    pub(super) fn put(&mut self, key: K, record: R, until: Duration) {
        self.by_time.insert((until, key));
        self.records.insert(key, (until, record));
    }

    pub(super) fn retain(&mut self, keep: impl Fn(K) -> bool) {
        self.records.retain(|key, _| keep(*key));
        self.by_time.retain(|(_, key)| keep(*key));
    }

    /// Forgets records whose time has come, and where there are too many, those whose time comes
    /// first.
    pub(super) fn make_room(&mut self, now: Duration) {
        while let Some(&(until, key)) = self.by_time.first() {
            if until > now && self.records.len() <= self.capacity {
                return;
            }
            self.by_time.pop_first();
            self.records.remove(&key);
        }
    }
}

#[cfg(test)]
impl<K: Copy + Ord, R> Remembered<K, R> {
    /// The records; each has exactly one time.
    pub(super) fn records(&self) -> Vec<&R> {
        assert_eq!(self.records.len(), self.by_time.len());
        self.records.values().map(|(_, record)| record).collect()
    }
}
