//! The newest events, within bounds.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use fleetlink_proto::DeviceName;

use super::event::{FeedEvent, Kind};
use super::id::EventId;

/// An event in the ring, shared by all readers.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(super) number: u64,
    pub(super) kind: Kind,
    pub(super) about: [Option<DeviceName>; 2],
    /// The event as it is sent (the format of server-sent events).
    pub(crate) text: Bytes,
}

/// The newest events.
#[derive(Debug)]
pub(super) struct Ring {
    epoch: u64,
    /// The number of the newest event; 0 before the first one.
    newest: u64,
    bytes: usize,
    most: usize,
    most_bytes: usize,
    entries: VecDeque<Arc<Entry>>,
}

/// The events that a reader has not seen.
#[derive(Debug)]
pub(super) enum Behind {
    /// At most so many as were asked for.
    Here(Vec<Arc<Entry>>),
    /// Some of them are gone, or there never were such events.
    Lost,
}

impl Ring {
    pub(super) fn new(epoch: u64, most: usize, most_bytes: usize) -> Self {
        Ring {
            epoch,
            newest: 0,
            bytes: 0,
            most,
            most_bytes,
            entries: VecDeque::new(),
        }
    }

    /// The id of the newest event; before the first one, the id that is before all.
    pub(super) fn newest(&self) -> EventId {
        EventId {
            epoch: self.epoch,
            number: self.newest,
        }
    }

    /// Adds an event; its number.
    pub(super) fn push(&mut self, event: &FeedEvent) -> u64 {
        self.newest += 1;
        let (name, id, data) = (event.kind.name(), self.newest(), &event.data);
        let text = Bytes::from(format!("event: {name}\nid: {id}\ndata: {data}\n\n"));
        self.bytes += text.len();
        self.entries.push_back(Arc::new(Entry {
            number: self.newest,
            kind: event.kind,
            about: event.about.clone(),
            text,
        }));
        while self.entries.len() > self.most || self.bytes > self.most_bytes {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= oldest.text.len();
        }
        self.newest
    }

    /// Whether all events behind this one are here.
    pub(super) fn has_all_behind(&self, seen: EventId) -> bool {
        let oldest = self.newest - self.entries.len() as u64;
        seen.epoch == self.epoch && (oldest..=self.newest).contains(&seen.number)
    }

    /// The events behind this one, at most so many.
    pub(super) fn behind(&self, seen: EventId, most: usize) -> Behind {
        if !self.has_all_behind(seen) {
            return Behind::Lost;
        }
        let unseen = usize::try_from(self.newest - seen.number).unwrap_or(usize::MAX);
        let from = self.entries.len().saturating_sub(unseen);
        let entries = self.entries.range(from..).take(most).cloned();
        Behind::Here(entries.collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(bytes: usize) -> FeedEvent {
        let filler = "x".repeat(bytes);
        FeedEvent::new(Kind::Joined, [], &serde_json::json!({ "filler": filler }))
    }

    fn numbers(behind: Behind) -> Option<Vec<u64>> {
        match behind {
            Behind::Here(entries) => Some(entries.iter().map(|entry| entry.number).collect()),
            Behind::Lost => None,
        }
    }

    #[test]
    fn an_event_is_sent_in_the_format_of_server_sent_events() {
        let mut ring = Ring::new(5, 10, 1000);
        let data = serde_json::json!({"device": "a\nb\r\u{2028}"});
        ring.push(&FeedEvent::new(Kind::LockedOut, [], &data));
        let text = std::str::from_utf8(&ring.entries[0].text).unwrap();
        let expected = "event: locked_out\nid: 5-1\ndata: {\"device\":\"a\\nb\\r\u{2028}\"}\n\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn events_of_another_epoch_or_of_the_future_are_lost() {
        let mut ring = Ring::new(5, 10, 1000);
        let at = |epoch, number| EventId { epoch, number };
        assert_eq!(numbers(ring.behind(at(5, 0), 9)), Some(vec![]));
        for _ in 0..3 {
            ring.push(&event(1));
        }
        assert_eq!(numbers(ring.behind(at(5, 1), 9)), Some(vec![2, 3]));
        assert_eq!(numbers(ring.behind(at(5, 0), 2)), Some(vec![1, 2]));
        assert_eq!(numbers(ring.behind(at(4, 1), 9)), None);
        assert_eq!(numbers(ring.behind(at(5, 4), 9)), None);
        assert_eq!(numbers(ring.behind(at(5, u64::MAX), 9)), None);
    }

    proptest! {
        #[test]
        fn it_keeps_the_newest_within_both_bounds(sizes in prop::collection::vec(0_usize..300, 0..60), most in 1_usize..20) {
            let (most_bytes, mut ring) = (1000, Ring::new(1, most, 1000));
            for (size, number) in sizes.iter().zip(1..) {
                prop_assert_eq!(ring.push(&event(*size)), number);
                let bytes: usize = ring.entries.iter().map(|entry| entry.text.len()).sum();
                prop_assert_eq!(bytes, ring.bytes);
                prop_assert!(bytes <= most_bytes && ring.entries.len() <= most);
            }
            let newest = ring.newest().number;
            for seen in 0..=newest {
                let behind = numbers(ring.behind(EventId { epoch: 1, number: seen }, 1000));
                let kept = ring.entries.len() as u64;
                let expected = (seen + kept >= newest).then(|| (seen + 1..=newest).collect::<Vec<_>>());
                prop_assert_eq!(behind, expected);
            }
        }
    }
}
