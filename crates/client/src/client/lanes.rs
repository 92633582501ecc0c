//! The number of files that go to one device at once: few at first and on a slow path, more where the path
//! carries them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// At first.
const FIRST: usize = 2;
/// At most; beside these, files that stand still.
const MOST: usize = 4;
/// Files under way at most, those that stand still too.
const MOST_OPEN: usize = 12;
/// A path that carries this in a second is quick enough for one more.
const QUICK: u64 = 1_000_000;
/// One that carries less is for one alone.
const SLOW: u64 = 100_000;
/// A file that does not move for so long does not count.
const STILL: Duration = Duration::from_secs(5);

/// The files on their way to one device.
#[derive(Debug)]
pub(super) struct Lanes {
    at_once: usize,
    /// Bytes that had arrived at the last look, and when that was.
    arrived: u64,
    looked: Instant,
    /// Of each file, how much had arrived when it last moved, and when that was.
    moved: BTreeMap<usize, (u64, Instant)>,
}

impl Lanes {
    pub(super) fn new(now: Instant) -> Self {
        Lanes {
            at_once: FIRST,
            arrived: 0,
            looked: now,
            moved: BTreeMap::new(),
        }
    }

    /// Whether another file may begin beside the `open` ones.
    pub(super) fn is_free(&self, open: usize, now: Instant) -> bool {
        let still = self.moved.values().filter(|(_, at)| now >= *at + STILL);
        open < MOST_OPEN && open.saturating_sub(still.count()) < self.at_once
    }

    /// Of the files that are under way so much has arrived; `done` bytes are of those that are over.
    pub(super) fn look(&mut self, each: BTreeMap<usize, u64>, done: u64, now: Instant) {
        let all = done + each.values().sum::<u64>();
        let millis = u64::try_from((now - self.looked).as_millis()).unwrap_or(u64::MAX);
        let rate = all.saturating_sub(self.arrived) * 1000 / millis.max(1);
        match rate {
            QUICK.. => self.at_once = (self.at_once + 1).min(MOST),
            ..SLOW => self.at_once = 1,
            _ => {}
        }
        (self.arrived, self.looked) = (all, now);
        self.moved.retain(|number, _| each.contains_key(number));
        for (number, bytes) in each {
            let entry = self.moved.entry(number).or_insert((bytes, now));
            if entry.0 != bytes {
                *entry = (bytes, now);
            }
        }
    }

    /// A file arrived, so soon that nobody looked: many small ones are many at once.
    pub(super) fn arrived_in(&mut self, took: Duration) {
        if took < Duration::from_secs(1) {
            self.at_once = (self.at_once + 1).min(MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at_once(lanes: &Lanes, now: Instant) -> usize {
        (0..=MOST_OPEN)
            .find(|open| !lanes.is_free(*open, now))
            .unwrap()
    }

    #[test]
    fn a_slow_path_carries_one_file_and_a_quick_one_more() {
        let start = Instant::now();
        let (mut lanes, mut now) = (Lanes::new(start), start);
        assert_eq!(at_once(&lanes, now), FIRST);
        for second in 1..=3 {
            now += SECOND;
            let arrived = BTreeMap::from([(1, second * 6000), (2, second * 6000)]);
            lanes.look(arrived, 0, now);
        }
        assert_eq!(at_once(&lanes, now), 1);
        for second in 1..=9 {
            now += SECOND;
            lanes.look(BTreeMap::from([(3, 0)]), 36_000 + second * QUICK, now);
        }
        assert_eq!(at_once(&lanes, now), MOST + 1, "one stands still");
        let mut small = Lanes::new(start);
        (0..9).for_each(|_| small.arrived_in(SECOND / 10));
        assert_eq!(at_once(&small, start), MOST);
    }

    #[test]
    fn files_that_stand_still_hold_no_place_of_others() {
        let start = Instant::now();
        let mut lanes = Lanes::new(start);
        let mut now = start;
        let still: BTreeMap<usize, u64> = (0..20).map(|number| (number, 7)).collect();
        for _ in 0..9 {
            now += SECOND;
            lanes.look(still.clone(), 0, now);
        }
        assert!(lanes.is_free(8, now));
        assert!(!lanes.is_free(MOST_OPEN, now), "not without end");
    }
}
