//! The places of files that come: a few for those that get on, others for those that hardly do, so
//! that these do not keep the others waiting.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{MAX_FILES_COMING, MAX_OFFERS_WAITING, MAX_SLOW_FILES};

/// The time for which a file is watched before it counts as slow.
const WINDOW: Duration = Duration::from_secs(10);
/// A file of which fewer bytes come in that time is slow: 16 kB/s.
const SLOW: u64 = 160 * 1024;

/// The places of one device.
#[derive(Debug, Clone)]
pub(super) struct Places {
    quick: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// A file's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    held: OwnedSemaphorePermit,
    is_slow: bool,
    since: Instant,
    came: u64,
}

impl Default for Places {
    fn default() -> Self {
        Places {
            quick: Arc::new(Semaphore::new(MAX_FILES_COMING)),
            slow: Arc::new(Semaphore::new(MAX_SLOW_FILES)),
            waiting: Arc::new(Semaphore::new(MAX_OFFERS_WAITING)),
        }
    }
}

impl Places {
    /// Waits for a place; `None` where too many wait already. Safe to drop.
    pub(super) async fn take(&self) -> Option<Place> {
        let _waiting = self.waiting.clone().try_acquire_owned().ok()?;
        let held = self.quick.clone().acquire_owned().await.ok()?;
        Some(Place {
            places: self.clone(),
            held,
            is_slow: false,
            since: Instant::now(),
            came: 0,
        })
    }
}

impl Place {
    /// So many bytes of the file have come by now. One that is slow moves over, one that is no more
    /// moves back, where there is room.
    pub(super) fn judge(&mut self, came: u64, now: Instant) {
        if now < self.since + WINDOW {
            return;
        }
        let is_slow = came.saturating_sub(self.came) < SLOW;
        (self.since, self.came) = (now, came);
        if is_slow == self.is_slow {
            return;
        }
        let others = match is_slow {
            true => &self.places.slow,
            false => &self.places.quick,
        };
        if let Ok(place) = others.clone().try_acquire_owned() {
            self.held = place;
            self.is_slow = is_slow;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_that_stand_still_hold_no_place_of_others() {
        let (places, start) = (Places::default(), Instant::now());
        let mut held = Vec::new();
        for _ in 0..MAX_FILES_COMING {
            held.push(places.take().await.unwrap());
        }
        let waiting = places.clone();
        let mut waiting = tokio::spawn(async move { waiting.take().await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        held[0].judge(0, start + WINDOW / 2);
        held[1].judge(SLOW, start + WINDOW * 2);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        held[0].judge(SLOW - 1, start + WINDOW * 2);
        let place = (&mut waiting).await.unwrap().unwrap();
        assert!(held[0].is_slow && !held[1].is_slow && !place.is_slow);
        // It gets on again: where there is room it counts again.
        held[0].judge(SLOW * 2, start + WINDOW * 4);
        assert!(held[0].is_slow);
        drop(place);
        held[0].judge(SLOW * 4, start + WINDOW * 6);
        assert!(!held[0].is_slow);
        assert_eq!(places.slow.available_permits(), MAX_SLOW_FILES);
    }

    #[tokio::test]
    async fn no_more_wait_than_there_is_room_for() {
        let places = Places::default();
        let all = u32::try_from(MAX_OFFERS_WAITING).unwrap();
        let taken = places.waiting.clone().acquire_many_owned(all).await;
        assert!(places.take().await.is_none());
        drop(taken);
        assert!(places.take().await.is_some());
    }
}
