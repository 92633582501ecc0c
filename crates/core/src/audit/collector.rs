//! Events without a change, until the store has them: bounded in number and in rate.

use std::collections::VecDeque;
use std::time::Duration;

use crate::audit::limits::{AGAIN, BATCH, GATHER, KNOWN, MAX_TEXT, MAX_WAITING, STRANGERS, WINDOW};
use crate::audit::rate::Rate;
use crate::audit::repeats::{Fate, Repeats};
use crate::ids::OperationId;
use crate::store::audit::action::AuditAction;
use crate::store::audit::author::Author;
use crate::store::audit::event::AuditEvent;
use crate::store::calls::StoreError;
use crate::time::Now;

/// The events that wait for the store, and those that are with it.
#[derive(Debug)]
pub(crate) struct Collector {
    waiting: VecDeque<AuditEvent>,
    /// The time at which the waiting ones are given to the store.
    due: Option<Duration>,
    running: Option<(OperationId, Vec<AuditEvent>)>,
    repeats: Repeats,
    strangers: Rate,
    known: Rate,
    left_out: u64,
    /// The time at which the number of those left out is recorded.
    left_out_due: Option<Duration>,
    closing: bool,
}

impl Default for Collector {
    fn default() -> Self {
        Collector {
            waiting: VecDeque::new(),
            due: None,
            running: None,
            repeats: Repeats::default(),
            strangers: Rate::of(STRANGERS),
            known: Rate::of(KNOWN),
            left_out: 0,
            left_out_due: None,
            closing: false,
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
        let rate = match event.is_by_stranger() {
            true => &mut self.strangers,
            false => &mut self.known,
        };
        if !rate.passes(now.monotonic) || self.waiting.len() >= MAX_WAITING {
            return self.leave_out(1, now.monotonic);
        }
        self.repeats.recorded(&event, now.monotonic);
        self.push(event, now.monotonic);
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

    fn leave_out(&mut self, count: u64, now: Duration) {
        self.left_out += count;
        self.left_out_due.get_or_insert(now + WINDOW);
    }

    /// The next time at which something is to be done.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let due = self.due.filter(|_| self.running.is_none());
        let ends = [due, self.repeats.next_end(), self.left_out_due];
        ends.into_iter().flatten().min()
    }

    /// Takes the events that are to be written now.
    pub(crate) fn take_due(&mut self, now: Now) -> Option<Vec<AuditEvent>> {
        self.end_minutes(now, now.monotonic);
        if self.running.is_some() || self.due.is_none_or(|due| due > now.monotonic) {
            return None;
        }
        let count = self.waiting.len().min(BATCH);
        let batch: Vec<AuditEvent> = self.waiting.drain(..count).collect();
        self.due = (!self.waiting.is_empty()).then_some(now.monotonic);
        (!batch.is_empty()).then_some(batch)
    }

    /// Records the numbers of what was counted in minutes that are over by `until`.
    fn end_minutes(&mut self, now: Now, until: Duration) {
        while self.waiting.len() < MAX_WAITING
            && let Some(counted) = self.repeats.take_over(until)
        {
            self.push(counted, now.monotonic);
        }
        if self.left_out_due.is_some_and(|due| due <= until) {
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
                let room = MAX_WAITING.saturating_sub(self.waiting.len());
                let lost = events.len().saturating_sub(room);
                for event in events.into_iter().skip(lost).rev() {
                    self.waiting.push_front(event);
                }
                self.due = Some(now.monotonic + AGAIN);
                if lost > 0 {
                    self.leave_out(lost as u64, now.monotonic);
                }
            }
            // They may be written, or nobody is left who would write them.
            Err(_) => {}
        }
        true
    }

    /// Has everything written that is there: the hub is closing.
    pub(crate) fn close(&mut self, now: Now) {
        self.closing = true;
        self.end_minutes(now, Duration::MAX);
        if !self.waiting.is_empty() {
            self.due = Some(now.monotonic);
        }
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
