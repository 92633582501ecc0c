//! Limits how often a frequent change is shown.

use std::time::Duration;

use tokio::time::Instant;

/// The list of active devices is shown at most this often: a copy of it at each of many joins at once
/// would cost their square. Well within the promised 250 ms.
const ACTIVE_PAUSE: Duration = Duration::from_millis(50);

/// The times at which a frequent change is shown: the first change at once, those that follow
/// together.
#[derive(Default)]
pub(super) struct Pace {
    pub(super) due: Option<Instant>,
    shown: Option<Instant>,
}

impl Pace {
    pub(super) fn changed(&mut self, now: Instant) {
        let earliest = self.shown.map_or(now, |shown| shown + ACTIVE_PAUSE);
        self.due.get_or_insert(earliest.max(now));
    }

    /// Whether it is to be shown now, which the caller does.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due {
            (self.due, self.shown) = (None, Some(now));
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_changes_are_shown_together_and_the_last_is_not_lost() {
        let (mut pace, mut shown) = (Pace::default(), Vec::new());
        let began = Instant::now();
        let mut now = began;
        for _ in 0..10_000 {
            pace.changed(now);
            if pace.is_due(now) {
                shown.push(now - began);
            }
            now += Duration::from_micros(12);
        }
        assert_eq!(shown.len(), 3, "{shown:?}");
        assert_eq!(shown[0], Duration::ZERO, "the first at once");
        assert!(!pace.is_due(now));
        assert!(pace.is_due(now + ACTIVE_PAUSE));
        assert_eq!(pace.due, None);
    }
}
