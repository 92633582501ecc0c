//! Events without a change, until the store has them: bounded in number and in rate.

use std::collections::VecDeque;
use std::time::Duration;

use crate::audit::limits::{
    AGAIN, BATCH, DEVICES, GATHER, MAX_TEXT, MAX_WAITING, RESERVE, STRANGERS, WINDOW,
};
use crate::audit::rate::Rate;
use crate::audit::repeats::{Fate, Repeats};
use crate::ids::OperationId;
use crate::store::audit::action::AuditAction;
use crate::store::audit::author::{ActorKind, Author};
use crate::store::audit::event::AuditEvent;
use crate::store::calls::StoreError;
use crate::time::Now;

/// The events that wait for the store, and those that are with it.
#[derive(Debug)]
pub(crate) struct Collector {
    waiting: VecDeque<AuditEvent>,
    /// The time at which the waiting ones are given to the store.
    due: Option<Duration>,
    /// The store is not asked before this time: it has just refused.
    again: Duration,
    running: Option<(OperationId, Vec<AuditEvent>)>,
    repeats: Repeats,
    strangers: Rate,
    devices: Rate,
    left_out: u64,
    /// The time at which the number of those left out is recorded.
    left_out_due: Option<Duration>,
    closing: bool,
    dropped: DroppedEvents,
}

/// Audit events that have no record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DroppedEvents {
    /// Those that were too many; a record has their number.
    pub left_out: u64,
    /// Those that the store did not say that it has written.
    pub unwritten: u64,
}

impl Default for Collector {
    fn default() -> Self {
        Collector {
            waiting: VecDeque::new(),
            due: None,
            again: Duration::ZERO,
            running: None,
            repeats: Repeats::default(),
            strangers: Rate::of(STRANGERS),
            devices: Rate::of(DEVICES),
            left_out: 0,
            left_out_due: None,
            closing: false,
            dropped: DroppedEvents::default(),
        }
    }
}

impl Collector {
    /// Takes an event in: it is recorded, counted among like ones, or left out and counted.
    pub(crate) fn note(&mut self, event: AuditEvent, now: Now) {
        let event = cut(event);
        if self.repeats.see(&event) == Fate::Counted {
            return;
        }
        if !self.has_place(&event, now.monotonic) {
            return self.leave_out(now.monotonic);
        }
        self.repeats.recorded(&event, now.monotonic);
        self.push(event, now.monotonic);
    }

    /// Whether an event may wait. Neither strangers nor devices take the place of others.
    fn has_place(&mut self, event: &AuditEvent, now: Duration) -> bool {
        let (passes, most) = match event.by.kind {
            ActorKind::Nobody => (self.strangers.passes(now), MAX_WAITING - RESERVE),
            ActorKind::Device => (self.devices.passes(now), MAX_WAITING - RESERVE),
            _ => (true, MAX_WAITING),
        };
        passes && self.held() < most
    }

    /// The number of events here. Those that are with the store may come back.
    fn held(&self) -> usize {
        let running = self.running.as_ref().map_or(0, |(_, events)| events.len());
        self.waiting.len() + running
    }

    fn has_room(&self) -> bool {
        self.held() < MAX_WAITING
    }

    fn push(&mut self, event: AuditEvent, now: Duration) {
        self.waiting.push_back(event);
        let due = if self.closing || self.waiting.len() >= BATCH {
            now
        } else {
            now + GATHER
        };
        self.due = Some(self.due.map_or(due, |before| before.min(due)));
    }

    fn leave_out(&mut self, now: Duration) {
        self.left_out += 1;
        self.dropped.left_out += 1;
        self.left_out_due.get_or_insert(now + WINDOW);
    }

    /// The time at which the waiting ones may be given to the store.
    fn due(&self) -> Option<Duration> {
        let earliest = match self.closing {
            true => Duration::ZERO,
            false => self.again,
        };
        self.due.map(|due| due.max(earliest))
    }

    /// The next time at which something is to be done. What ends then and has no room waits for the
    /// store's answer.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let due = self.due().filter(|_| self.running.is_none());
        let ends = [self.repeats.next_end(), self.left_out_due];
        let ends = ends.into_iter().flatten().filter(|_| self.has_room());
        due.into_iter().chain(ends).min()
    }

    /// Takes the events that are to be written now.
    pub(crate) fn take_due(&mut self, now: Now) -> Option<Vec<AuditEvent>> {
        self.end_minutes(now);
        if self.running.is_some() || self.due().is_none_or(|due| due > now.monotonic) {
            return None;
        }
        let count = self.waiting.len().min(BATCH);
        let batch: Vec<AuditEvent> = self.waiting.drain(..count).collect();
        self.due = (!self.waiting.is_empty()).then_some(now.monotonic);
        (!batch.is_empty()).then_some(batch)
    }

    /// Records the numbers of what was counted in minutes that are over, as far as there is room.
    /// When the hub closes, every minute is.
    fn end_minutes(&mut self, now: Now) {
        let until = match self.closing {
            true => Duration::MAX,
            false => now.monotonic,
        };
        while self.has_room()
            && let Some(counted) = self.repeats.take_over(until)
        {
            self.push(counted, now.monotonic);
        }
        if self.has_room() && self.left_out_due.is_some_and(|due| due <= until) {
            self.left_out_due = None;
            let count = std::mem::take(&mut self.left_out);
            let event = AuditEvent::new(now.wall, AuditAction::LeftOut, Author::hub(None));
            let why = format!("{count} events were left out: there were too many");
            self.push(event.with_detail(why), now.monotonic);
        }
    }

    /// The events are with the store.
    pub(crate) fn run(&mut self, operation: OperationId, events: Vec<AuditEvent>) {
        self.running = Some((operation, events));
    }

    /// The store answered; `false` where this was no operation of these.
    pub(crate) fn answered<T>(
        &mut self,
        operation: OperationId,
        result: &Result<T, StoreError>,
        now: Now,
    ) -> bool {
        let Some((_, events)) = self.running.take_if(|(running, _)| *running == operation) else {
            return false;
        };
        match result {
            Ok(_) => {}
            // Nothing was done: they wait once more, if there is still somebody who writes them.
            Err(StoreError::Unavailable(_) | StoreError::Full) if !self.closing => {
                for event in events.into_iter().rev() {
                    self.waiting.push_front(event);
                }
                self.due = Some(now.monotonic);
                self.again = now.monotonic + AGAIN;
            }
            // They may be written, or nobody is left who would write them.
            Err(_) => self.dropped.unwritten += events.len() as u64,
        }
        true
    }

    /// Has everything written that is there: the hub is closing.
    pub(crate) fn close(&mut self, now: Now) {
        self.closing = true;
        self.end_minutes(now);
        if !self.waiting.is_empty() {
            self.due = Some(now.monotonic);
        }
    }

    /// The number of events that have no record.
    pub(crate) fn dropped(&self) -> DroppedEvents {
        self.dropped
    }

    /// Whether the store has all that it was to have.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.running.is_none()
    }
}

/// The same event, whose texts are bounded.
fn cut(mut event: AuditEvent) -> AuditEvent {
    for text in [&mut event.device, &mut event.subject, &mut event.detail] {
        if let Some(long) = text.as_deref().filter(|text| text.len() > MAX_TEXT) {
            let short = &long[..long.floor_char_boundary(MAX_TEXT)];
            *text = Some(format!("{short}...").into());
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::WallTime;

    use super::*;
    use crate::store::audit::author::Actor;
    use crate::store::audit::words::Outcome;

    fn at(ms: u64) -> Now {
        Now {
            monotonic: Duration::from_millis(ms),
            wall: WallTime::from_unix_millis(i64::try_from(ms).unwrap()),
        }
    }

    fn failed(name: &str, network: u8, ms: u64) -> AuditEvent {
        let author = Author {
            by: Actor::NOBODY,
            door: None,
            address: Some([192, 0, 2, network].into()),
        };
        let event = AuditEvent::new(at(ms).wall, AuditAction::LoginFailed, author);
        event.of_device(name).with_outcome(Outcome::Refused)
    }

    /// Has the store take everything that is due up to this time.
    fn write(collector: &mut Collector, from: u64, until: u64) -> Vec<AuditEvent> {
        let mut written = Vec::new();
        let mut operation = 0;
        for ms in (from..=until).step_by(100) {
            while let Some(batch) = collector.take_due(at(ms)) {
                assert!(batch.len() <= BATCH);
                operation += 1;
                written.extend(batch.iter().cloned());
                collector.run(OperationId(operation), batch);
                assert!(collector.answered(OperationId(operation), &Ok(()), at(ms)));
            }
        }
        written
    }

    #[test]
    fn like_failures_are_one_record_a_minute_and_their_number() {
        let mut collector = Collector::default();
        for ms in 0..1000 {
            collector.note(failed("cam", 1, ms), at(ms));
            collector.note(failed("cam", 2, ms), at(ms));
        }
        let first = write(&mut collector, 1000, 2000);
        assert_eq!(first, [failed("cam", 1, 0), failed("cam", 2, 0)]);
        assert_eq!(write(&mut collector, 2000, 59_000), []);
        let numbers = write(&mut collector, 59_000, 61_000);
        let of_one = failed("cam", 1, 999).with_detail("999 more within 60 s, this is the last");
        assert_eq!(numbers.len(), 2);
        assert_eq!(numbers[0], of_one);
        assert_eq!(collector.deadline(), None);
        collector.note(failed("cam", 1, 70_000), at(70_000));
        assert_eq!(
            write(&mut collector, 70_000, 71_000).len(),
            1,
            "a new minute"
        );
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_hides_nothing_of_others() {
        let mut collector = Collector::default();
        for n in 0..50_000_u64 {
            collector.note(failed(&format!("x{n}"), 1, n / 50), at(n / 50));
        }
        let left = AuditEvent::new(at(999).wall, AuditAction::Left, Author::hub(None));
        let left = left.of_device("cam");
        collector.note(left.clone(), at(999));
        let written = write(&mut collector, 1000, 2000);
        assert_eq!(written.len(), 100 + 4 + 1);
        assert_eq!(collector.dropped().left_out, 49_896);
        assert!(written.contains(&left));
        let told = write(&mut collector, 60_000, 70_000);
        let detail = "49896 events were left out: there were too many";
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].detail.as_deref(), Some(detail));
        assert_eq!(told[0].action, AuditAction::LeftOut);
    }

    #[test]
    fn what_the_store_did_not_take_is_written_again_and_what_it_may_have_is_not() {
        let mut collector = Collector::default();
        collector.note(failed("cam", 1, 0), at(0));
        for (n, (error, comes_again)) in [
            (StoreError::Full, true),
            (StoreError::Unavailable(String::new()), true),
            (StoreError::Unknown(String::new()), false),
        ]
        .into_iter()
        .enumerate()
        {
            let ms = 10_000 * (n as u64 + 1);
            let batch = collector.take_due(at(ms)).unwrap();
            assert_eq!(batch, [failed("cam", 1, 0)]);
            collector.run(OperationId(7), batch);
            assert!(!collector.is_empty() && collector.take_due(at(ms)).is_none());
            assert!(!collector.answered(OperationId(8), &Ok(()), at(ms)));
            assert!(collector.answered(OperationId(7), &Err::<(), _>(error), at(ms)));
            assert_eq!(!collector.is_empty(), comes_again);
        }
    }

    #[test]
    fn nothing_waits_for_its_time_when_the_hub_closes() {
        let mut collector = Collector::default();
        for _ in 0..3 {
            collector.note(failed("cam", 1, 0), at(0));
        }
        collector.close(at(1));
        let batch = collector.take_due(at(1)).unwrap();
        assert_eq!(batch.len(), 2, "the event, and the number of the others");
        collector.run(OperationId(1), batch);
        assert!(!collector.is_empty());
        collector.answered(OperationId(1), &Err::<(), _>(StoreError::Full), at(2));
        assert!(collector.is_empty());
        assert_eq!(
            collector.dropped().unwritten,
            2,
            "told, as nobody writes them"
        );
    }

    fn by(kind: ActorKind, action: AuditAction, device: &str, ms: u64) -> AuditEvent {
        let mut author = Author::hub(None);
        author.by.kind = kind;
        AuditEvent::new(at(ms).wall, action, author).of_device(device)
    }

    /// Has the store refuse one batch.
    fn refuse(collector: &mut Collector, ms: u64) {
        let batch = collector.take_due(at(ms)).expect("a batch");
        collector.run(OperationId(9), batch);
        collector.answered(OperationId(9), &Err::<(), _>(StoreError::Full), at(ms));
    }

    #[test]
    fn a_full_store_is_asked_again_in_a_while_however_much_waits() {
        let mut collector = Collector::default();
        for n in 0..=MAX_WAITING {
            let ended = by(
                ActorKind::Operator,
                AuditAction::SessionEnded,
                &format!("x{n}"),
                0,
            );
            collector.note(ended, at(0));
        }
        collector.note(failed("cam", 1, 0), at(0));
        refuse(&mut collector, 0);
        // A minute later all of it is over, and there is no room for its numbers.
        for ms in [10, 65_000, 130_000, 190_000] {
            if ms > 10 {
                refuse(&mut collector, ms);
            }
            let wakes = collector.deadline().unwrap();
            assert!(wakes > at(ms).monotonic, "{wakes:?} is past at {ms} ms");
            assert!(collector.take_due(at(ms)).is_none());
            collector.note(failed("other", 1, ms), at(ms + 1));
            assert!(
                collector.take_due(at(ms + 1)).is_none(),
                "it has just refused"
            );
            assert!(collector.waiting.len() <= MAX_WAITING);
        }
        let written = write(&mut collector, 200_000, 300_000);
        let told = |event: &&AuditEvent| event.action == AuditAction::LeftOut;
        assert_eq!(written.iter().filter(told).count(), 1);
        assert_eq!(written.len(), MAX_WAITING + 1);
    }

    #[test]
    fn devices_that_come_and_go_hide_nothing_of_people_and_the_hub() {
        let mut collector = Collector::default();
        for n in 0..60_000 {
            let joined = by(
                ActorKind::Device,
                AuditAction::Joined,
                &format!("x{n}"),
                n / 60,
            );
            collector.note(joined, at(n / 60));
        }
        let others = [
            by(ActorKind::Operator, AuditAction::Unlocked, "cam", 1000),
            by(
                ActorKind::Administrator,
                AuditAction::SessionEnded,
                "cam",
                1000,
            ),
            by(ActorKind::Viewer, AuditAction::Forbidden, "cam", 1000),
            by(ActorKind::Hub, AuditAction::Left, "cam", 1000),
        ];
        for event in &others {
            collector.note(event.clone(), at(1000));
        }
        let written = write(&mut collector, 1000, 2000);
        assert!(others.iter().all(|event| written.contains(event)));
        let of_devices = written.len() - others.len();
        assert_eq!(of_devices, MAX_WAITING - RESERVE);
    }

    #[test]
    fn events_about_different_things_are_not_alike() {
        let mut collector = Collector::default();
        for subject in ["ticket 3", "ticket 4"] {
            for file in ["temperature", "pressure"] {
                let mut event = by(ActorKind::Viewer, AuditAction::Forbidden, "cam", 0);
                event.file = Some(file.parse().unwrap());
                let event = event.about(subject).with_outcome(Outcome::Refused);
                collector.note(event.clone(), at(0));
                collector.note(event, at(0));
            }
        }
        assert_eq!(write(&mut collector, 0, 1000).len(), 4);
    }

    #[test]
    fn texts_are_bounded() {
        let mut collector = Collector::default();
        collector.note(failed(&"é".repeat(1000), 1, 0), at(0));
        let written = write(&mut collector, 1000, 1000);
        let name = written[0].device.as_deref().unwrap();
        assert_eq!(name, format!("{}...", "é".repeat(150)));
    }
}
