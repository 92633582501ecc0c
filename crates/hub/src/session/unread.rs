//! Answers that a device has not read: bounded for each session, and counted for the hub.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fleetlink_proto::control::{Request, RequestId, limits};
use tokio::sync::Semaphore;

/// The size that a reply counts for until it is known: most are short.
const SHORT_ANSWER: u32 = 512;
/// The same of calls whose answer may fill a line.
const LONG_ANSWER: u32 = 64 * 1024;
const _: () = assert!(LONG_ANSWER as usize >= limits::MAX_LINE_BYTES);
/// Calls of one session are taken up while their answers, unread ones included, fit into this: a long
/// one beside as many short ones as may be in flight, so that neither kind waits for the other.
const ROOM: usize = limits::MAX_REQUESTS_IN_FLIGHT * SHORT_ANSWER as usize + LONG_ANSWER as usize;
const _: () = assert!(ROOM <= limits::MAX_UNREAD_BYTES);

/// The unread bytes of all sessions of a hub.
#[derive(Clone)]
pub(crate) struct HubUnread {
    bytes: Arc<AtomicUsize>,
    /// The time for which a session may accept nothing.
    patience: Duration,
}

impl Default for HubUnread {
    fn default() -> Self {
        HubUnread {
            bytes: Arc::default(),
            patience: limits::WRITE_DEADLINE,
        }
    }
}

impl HubUnread {
    /// The time for which a session may accept nothing: shorter while so much is unread that the hub needs
    /// room.
    pub(super) fn patience(&self) -> Duration {
        match self.bytes.load(Ordering::Relaxed) > limits::MAX_UNREAD_BYTES_PER_HUB {
            true => limits::WRITE_DEADLINE_UNDER_LOAD.min(self.patience),
            false => self.patience,
        }
    }

    /// The unread bytes now.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The same with less patience, for tests.
    #[cfg(test)]
    pub(super) fn with_patience(patience: Duration) -> Self {
        HubUnread {
            patience,
            ..HubUnread::default()
        }
    }
}

/// The unread answers of one session, and the room for more.
pub(super) struct Unread {
    hub: HubUnread,
    bytes: AtomicUsize,
    room: Semaphore,
    in_flight: Semaphore,
    /// The room of each call under way. A device had best not use an id twice, but may.
    under_way: Mutex<Vec<(RequestId, u32)>>,
}

/// The share of some calls in the session's limits, until their replies are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    calls: usize,
    room: u32,
}

impl Unread {
    pub(super) fn new(hub: HubUnread) -> Self {
        Unread {
            hub,
            bytes: AtomicUsize::new(0),
            room: Semaphore::new(ROOM),
            in_flight: Semaphore::new(limits::MAX_REQUESTS_IN_FLIGHT),
            under_way: Mutex::default(),
        }
    }

    /// Takes the call up where there is room for its answer at once.
    pub(super) fn try_admit(&self, id: &RequestId, request: &Request) -> bool {
        let cost = answer_size(request);
        let (Ok(place), Ok(room)) = (
            self.in_flight.try_acquire(),
            self.room.try_acquire_many(cost),
        ) else {
            return false;
        };
        place.forget();
        room.forget();
        self.count(id, cost);
        true
    }

    /// Waits until there is room for the call's answer.
    pub(super) async fn admit(&self, id: &RequestId, request: &Request) {
        let cost = answer_size(request);
        let open = "the semaphore is never closed";
        let place = self.in_flight.acquire().await.expect(open);
        let room = self.room.acquire_many(cost).await.expect(open);
        place.forget();
        room.forget();
        self.count(id, cost);
    }

    fn count(&self, id: &RequestId, cost: u32) {
        self.under_way().push((id.clone(), cost));
    }

    /// The call has its answer, of so many bytes; what is to be given back when that is written. Room
    /// that the answer does not need is given back at once.
    pub(super) fn answered(&self, id: &RequestId, bytes: usize) -> Counted {
        let Some(room) = self.take(id, bytes) else {
            return Counted::default();
        };
        let needed = u32::try_from(bytes).map_or(room, |bytes| bytes.min(room));
        self.room.add_permits((room - needed) as usize);
        Counted {
            calls: 1,
            room: needed,
        }
    }

    /// The room of one call of this id. Which of several it was, nobody knows: the least that such an
    /// answer fits into, else the most.
    fn take(&self, id: &RequestId, bytes: usize) -> Option<u32> {
        let mut under_way = self.under_way();
        let of_id = || {
            under_way
                .iter()
                .enumerate()
                .filter(|(_, (found, _))| found == id)
        };
        let fits = of_id().filter(|(_, (_, room))| *room as usize >= bytes);
        let least = fits.min_by_key(|(_, (_, room))| *room);
        let at = least.or_else(|| of_id().max_by_key(|(_, (_, room))| *room));
        let at = at.map(|(at, _)| at);
        let room = at.map(|at| under_way.swap_remove(at).1);
        if under_way.is_empty() {
            // An idle session keeps no room for calls.
            *under_way = Vec::new();
        }
        room
    }

    /// So many bytes are to be written; whether that is more than a session may leave unread.
    pub(super) fn add(&self, bytes: usize) -> bool {
        self.hub.bytes.fetch_add(bytes, Ordering::Relaxed);
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        before + bytes > limits::MAX_UNREAD_BYTES
    }

    /// So many bytes are written, with these answers in them.
    pub(super) fn written(&self, bytes: usize, counted: Counted) {
        self.hub.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.in_flight.add_permits(counted.calls);
        self.room.add_permits(counted.room as usize);
    }

    pub(super) fn patience(&self) -> Duration {
        self.hub.patience()
    }

    fn under_way(&self) -> std::sync::MutexGuard<'_, Vec<(RequestId, u32)>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Unread {
    /// The unread bytes of a session go with it.
    fn drop(&mut self) {
        let left = *self.bytes.get_mut();
        self.hub.bytes.fetch_sub(left, Ordering::Relaxed);
    }
}

fn answer_size(request: &Request) -> u32 {
    match request {
        Request::Hello(_)
        | Request::ListDevices(_)
        | Request::ListFiles(_)
        | Request::OpenTransfer(_) => LONG_ANSWER,
        _ => SHORT_ANSWER,
    }
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::control::ListDevices;

    use super::*;

    fn id(number: i64) -> RequestId {
        RequestId::Number(number)
    }

    fn list() -> Request {
        Request::ListDevices(ListDevices::default())
    }

    #[test]
    fn a_long_answer_waits_for_no_short_ones_and_none_of_these_for_it() {
        let hub = HubUnread::default();
        for first_long in [true, false] {
            let unread = Unread::new(hub.clone());
            let mut calls = vec![Request::Ping; limits::MAX_REQUESTS_IN_FLIGHT - 1];
            calls.insert(if first_long { 0 } else { calls.len() }, list());
            for (request, number) in calls.iter().zip(0..) {
                assert!(unread.try_admit(&id(number), request), "{number}");
            }
        }
    }

    #[test]
    fn calls_are_taken_up_while_there_is_room_for_their_answers() {
        let hub = HubUnread::default();
        let unread = Unread::new(hub.clone());
        let taken = (0..10)
            .filter(|&n| unread.try_admit(&id(n), &list()))
            .count();
        assert_eq!(taken, 1);
        // Its answer is as long as can be, and is not read.
        let long = LONG_ANSWER as usize;
        assert!(!unread.add(long));
        let counted = unread.answered(&id(0), long);
        assert!(!unread.try_admit(&id(1), &list()));
        assert_eq!(unread.answered(&id(0), 10), Counted::default());
        unread.written(long, counted);
        // Short ones take the room that they need.
        let mut all = Vec::new();
        for number in 0..20 {
            assert!(unread.try_admit(&id(number), &list()), "{number}");
            all.push(unread.answered(&id(number), 100));
        }
        all.into_iter()
            .for_each(|counted| unread.written(0, counted));
        assert_eq!(unread.room.available_permits(), ROOM);
        assert_eq!(hub.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn pings_fill_the_places() {
        let unread = Unread::new(HubUnread::default());
        let pings = (0..100).filter(|&n| unread.try_admit(&id(n), &Request::Ping));
        assert_eq!(pings.count(), limits::MAX_REQUESTS_IN_FLIGHT);
    }

    #[test]
    fn an_answer_gives_back_the_share_of_one_call() {
        let unread = Unread::new(HubUnread::default());
        let long = LONG_ANSWER as usize;
        for id in [id(1), id(1)].iter().zip([list(), Request::Ping]) {
            assert!(unread.try_admit(id.0, &id.1));
        }
        let pong = unread.answered(&id(1), 40);
        assert_eq!(pong, Counted { calls: 1, room: 40 });
        unread.written(0, pong);
        // The list is under way still.
        assert!(!unread.try_admit(&id(2), &list()));
        let listed = unread.answered(&id(1), long);
        let share = Counted {
            calls: 1,
            room: LONG_ANSWER,
        };
        assert_eq!(listed, share);
        unread.written(0, listed);
        assert_eq!(unread.room.available_permits(), ROOM);
    }

    #[test]
    fn too_much_is_noticed_and_given_back_with_the_session() {
        let hub = HubUnread::default();
        let unread = Unread::new(hub.clone());
        assert!(!unread.add(limits::MAX_UNREAD_BYTES));
        assert!(unread.add(1));
        assert_eq!(hub.patience(), limits::WRITE_DEADLINE);
        hub.bytes
            .fetch_add(limits::MAX_UNREAD_BYTES_PER_HUB, Ordering::Relaxed);
        assert!(hub.patience() < limits::WRITE_DEADLINE);
        hub.bytes
            .fetch_sub(limits::MAX_UNREAD_BYTES_PER_HUB, Ordering::Relaxed);
        drop(unread);
        assert_eq!(hub.bytes.load(Ordering::Relaxed), 0);
    }
}
