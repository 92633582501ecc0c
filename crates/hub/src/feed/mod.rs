//! The live feed: events of the hub for those who watch it now.
//!
//! The newest events are kept in a ring, each encoded once. Who publishes waits for nobody. A reader has
//! a place in the ring and nothing else; one that has fallen out of it is told so once, and goes on from
//! the newest event. What has to be known after a restart is in the store, not here.

mod coalesce;
mod event;
mod filler;
mod id;
mod reader;
mod ring;

pub(crate) use self::event::{FeedEvent, Kind};
pub(crate) use self::filler::Filler;
pub(crate) use self::id::EventId;
pub(crate) use self::reader::{Read, Reader, Wanted};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fleetlink_proto::WallTime;
use tokio::sync::watch;

use self::ring::Ring;

/// Events in the ring, at most; the oldest make room.
pub(crate) const MAX_EVENTS: usize = 16_384;
/// Bytes of encoded events in the ring, at most; the oldest make room.
pub(crate) const MAX_EVENT_BYTES: usize = 8 * 1024 * 1024;
/// Events that a reader takes at once.
pub(crate) const EVENTS_AT_ONCE: usize = 256;
/// The time within which a data file has one event of new samples; those that come meanwhile are told
/// together at its end.
pub(crate) const SAMPLES_TOGETHER: Duration = Duration::from_millis(250);
/// The shortest time between two looks at the data files whose samples wait.
pub(crate) const LOOK_STEP: Duration = Duration::from_millis(25);
/// Data files whose new samples are told together at once. The samples of further ones are each told as
/// they come.
pub(crate) const MAX_FILES_TOGETHER: usize = 16_384;

/// The ring, and its readers' bell. Clones are the same feed.
#[derive(Clone)]
pub(crate) struct Feed(Arc<Shared>);

struct Shared {
    ring: Mutex<Ring>,
    /// The number of the newest event.
    newest: watch::Sender<u64>,
}

impl Feed {
    /// The feed of a hub that started at this time.
    pub(crate) fn new(started: WallTime) -> Self {
        let epoch = u64::try_from(started.unix_millis()).unwrap_or(0);
        Feed(Arc::new(Shared {
            ring: Mutex::new(Ring::new(epoch, MAX_EVENTS, MAX_EVENT_BYTES)),
            newest: watch::Sender::new(0),
        }))
    }

    /// The start of the hub, in milliseconds since 1970, by which its ids differ from those of other runs.
    pub(crate) fn epoch(&self) -> u64 {
        self.ring().newest().epoch
    }

    /// Adds an event. Waits for no reader.
    pub(crate) fn publish(&self, event: &FeedEvent) {
        let newest = self.ring().push(event);
        self.0.newest.send_replace(newest);
    }

    /// A reader of the events that it wants, behind the one that it has seen last; without that, of those
    /// that come from now on.
    pub(crate) fn reader(&self, wanted: Wanted, seen: Option<EventId>) -> Reader {
        let newest = self.0.newest.subscribe();
        Reader::new(self.clone(), newest, wanted, seen)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // Each change of the ring is one call, so a panic elsewhere leaves it whole.
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
