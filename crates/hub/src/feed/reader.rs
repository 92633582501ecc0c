//! A reader of the feed: a place in the ring, and what it wants.

use std::sync::Arc;

use fleetlink_proto::DeviceName;
use tokio::sync::watch;

use super::event::Kind;
use super::id::EventId;
use super::ring::{Behind, Entry};
use super::{EVENTS_AT_ONCE, Feed};

/// The events that a reader wants.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Of this device alone.
    device: Option<DeviceName>,
    /// Of these kinds alone; bits of [`Kind`].
    kinds: Option<u32>,
}

impl Wanted {
    pub(crate) fn new(device: Option<DeviceName>, kinds: Option<&[Kind]>) -> Self {
        let set = |kinds: &[Kind]| kinds.iter().fold(0, |set, kind| set | kind.bit());
        Wanted {
            device,
            kinds: kinds.map(set),
        }
    }

    fn has(&self, entry: &Entry) -> bool {
        let is_about = |device: &DeviceName| entry.about.iter().flatten().any(|a| a == device);
        self.device.as_ref().is_none_or(is_about)
            && self.kinds.is_none_or(|set| set & entry.kind.bit() != 0)
    }
}

/// The result of a read.
#[derive(Debug)]
pub(crate) enum Read {
    /// The events that are wanted; there may be none among those that came.
    Events(Vec<Arc<Entry>>),
    /// Events are lost: all may have changed up to the event of this id.
    Reset(EventId),
}

/// A reader.
pub(crate) struct Reader {
    feed: Feed,
    newest: watch::Receiver<u64>,
    wanted: Wanted,
    /// The last event that was passed.
    seen: EventId,
    was_full: bool,
}

impl Reader {
    pub(super) fn new(
        feed: Feed,
        newest: watch::Receiver<u64>,
        wanted: Wanted,
        seen: Option<EventId>,
    ) -> Self {
        let seen = seen.unwrap_or_else(|| feed.ring().newest());
        Reader {
            feed,
            newest,
            wanted,
            seen,
            was_full: false,
        }
    }

    /// The last event that was passed, whether it was wanted or not.
    pub(crate) fn seen(&self) -> EventId {
        self.seen
    }

    /// Whether the last read took as many events as one may: then there are probably more.
    pub(crate) fn was_full(&self) -> bool {
        self.was_full
    }

    /// Waits for the next events. May be dropped and called again.
    pub(crate) async fn read(&mut self) -> Read {
        loop {
            // First, so that what comes from here on rings the bell.
            self.newest.borrow_and_update();
            match self.look() {
                Some(read) => return read,
                // The sender is part of the feed, which this has.
                None => drop(self.newest.changed().await),
            }
        }
    }

    /// The events that are there; `None` where there is no new one.
    fn look(&mut self) -> Option<Read> {
        let ring = self.feed.ring();
        let entries = match ring.behind(self.seen, EVENTS_AT_ONCE) {
            Behind::Here(entries) => entries,
            Behind::Lost => {
                self.seen = ring.newest();
                self.was_full = false;
                return Some(Read::Reset(self.seen));
            }
        };
        drop(ring);
        self.seen.number = entries.last()?.number;
        self.was_full = entries.len() >= EVENTS_AT_ONCE;
        let wanted = entries.into_iter().filter(|entry| self.wanted.has(entry));
        Some(Read::Events(wanted.collect()))
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::WallTime;
    use serde_json::json;

    use super::super::{FeedEvent, MAX_EVENTS};
    use super::*;

    fn feed() -> Feed {
        Feed::new(WallTime::from_unix_millis(9))
    }

    fn publish(feed: &Feed, kind: Kind, device: &str) {
        let name: DeviceName = device.parse().unwrap();
        feed.publish(&FeedEvent::new(kind, [&name], &json!({ "device": device })));
    }

    async fn numbers(reader: &mut Reader) -> Vec<u64> {
        match reader.read().await {
            Read::Events(events) => events.iter().map(|event| event.number).collect(),
            Read::Reset(id) => panic!("reset at {id}"),
        }
    }

    #[tokio::test]
    async fn a_reader_goes_on_behind_what_it_has_seen() {
        let feed = feed();
        let mut early = feed.reader(Wanted::default(), None);
        publish(&feed, Kind::Joined, "a");
        publish(&feed, Kind::Left, "a");
        assert_eq!(numbers(&mut early).await, [1, 2]);
        let mut late = feed.reader(Wanted::default(), None);
        let seen = "9-1".parse().ok();
        let mut resumed = feed.reader(Wanted::default(), seen);
        assert_eq!(numbers(&mut resumed).await, [2]);
        let waiting = tokio::spawn(async move { numbers(&mut late).await });
        publish(&feed, Kind::Joined, "b");
        assert_eq!(waiting.await.unwrap(), [3]);
        assert_eq!(numbers(&mut resumed).await, [3]);
    }

    #[tokio::test]
    async fn a_reader_that_is_behind_need_not_wait_for_the_rest() {
        let feed = feed();
        let mut reader = feed.reader(Wanted::default(), None);
        for _ in 0..=EVENTS_AT_ONCE {
            publish(&feed, Kind::Joined, "a");
        }
        assert_eq!(numbers(&mut reader).await.len(), EVENTS_AT_ONCE);
        assert!(reader.was_full());
        assert_eq!(numbers(&mut reader).await.len(), 1);
        assert!(!reader.was_full());
    }

    #[tokio::test]
    async fn a_reader_gets_what_it_wants_and_passes_the_rest() {
        let feed = feed();
        let of_a = Wanted::new("a".parse().ok(), None);
        let joins = Wanted::new(None, Some(&[Kind::Joined, Kind::Left]));
        let (mut of_a, mut joins) = (feed.reader(of_a, None), feed.reader(joins, None));
        publish(&feed, Kind::Joined, "a");
        publish(&feed, Kind::Joined, "b");
        publish(&feed, Kind::Samples, "a");
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        feed.publish(&FeedEvent::new(Kind::Transfer, [&b, &a], &json!({})));
        feed.publish(&FeedEvent::new(Kind::Ticket, [], &json!({})));
        assert_eq!(numbers(&mut of_a).await, [1, 3, 4]);
        assert_eq!(numbers(&mut joins).await, [1, 2]);
        assert_eq!(of_a.seen().number, 5);
        assert_eq!(joins.seen().to_string(), "9-5");
    }

    #[tokio::test]
    async fn a_reader_that_falls_behind_is_told_once_and_goes_on_from_the_newest() {
        let feed = feed();
        let mut slow = feed.reader(Wanted::default(), None);
        let newest = MAX_EVENTS as u64 + 1;
        for _ in 0..newest {
            publish(&feed, Kind::Joined, "a");
        }
        let Read::Reset(id) = slow.read().await else {
            panic!("nothing is lost");
        };
        assert_eq!(
            id,
            EventId {
                epoch: 9,
                number: newest
            }
        );
        publish(&feed, Kind::Left, "a");
        assert_eq!(numbers(&mut slow).await, [newest + 1]);
        for odd in ["8-1", "9-99999", "9-0"] {
            let mut odd = feed.reader(Wanted::default(), odd.parse().ok());
            assert!(matches!(odd.read().await, Read::Reset(_)));
            publish(&feed, Kind::Joined, "a");
            assert_eq!(numbers(&mut odd).await.len(), 1);
        }
    }
}
