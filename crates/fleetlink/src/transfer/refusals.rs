//! Offers that are refused in numbers: the first are told one by one, the others are counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fleetlink_proto::DeviceName;
use fleetlink_proto::transfer::Reason;

/// Refused offers of one sender that are told one by one, until none comes for [`QUIET`].
const TOLD: u32 = 10;
/// After so long without a refused offer the next ones are told again.
const QUIET: Duration = Duration::from_secs(10);
/// The time between two reports of further refusals.
const STEP: Duration = Duration::from_secs(1);

/// The refused offers of all senders.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    by_sender: BTreeMap<DeviceName, Course>,
}

#[derive(Debug)]
struct Course {
    told: u32,
    last: Instant,
    more: Option<More>,
}

#[derive(Debug)]
struct More {
    due: Instant,
    codes: Codes,
}

/// The number of refused offers by the name of their reason.
pub(crate) type Codes = BTreeMap<&'static str, u64>;

impl Refusals {
    /// An offer was refused: whether it is told by itself. Else it is counted.
    pub(super) fn refused(&mut self, sender: &DeviceName, reason: Reason, now: Instant) -> bool {
        self.by_sender
            .retain(|_, course| course.more.is_some() || now < course.last + QUIET);
        let course = self.by_sender.entry(sender.clone()).or_insert(Course {
            told: 0,
            last: now,
            more: None,
        });
        course.last = now;
        if course.told < TOLD {
            course.told += 1;
            return true;
        }
        let more = course.more.get_or_insert_with(|| More {
            due: now + STEP,
            codes: Codes::new(),
        });
        *more.codes.entry(reason.name()).or_default() += 1;
        false
    }

    /// The time of the next count.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let more = self.by_sender.values().filter_map(|c| c.more.as_ref());
        more.map(|more| more.due).min()
    }

    /// A count that is to be told by now.
    pub(super) fn due(&mut self, now: Instant) -> Option<(DeviceName, Codes)> {
        self.take(|more| more.due <= now)
    }

    /// A count that was not told, whether it is due or not.
    pub(super) fn rest(&mut self) -> Option<(DeviceName, Codes)> {
        self.take(|_| true)
    }

    fn take(&mut self, which: impl Fn(&More) -> bool) -> Option<(DeviceName, Codes)> {
        self.by_sender.iter_mut().find_map(|(sender, course)| {
            let more = course.more.take_if(|more| which(more))?;
            Some((sender.clone(), more.codes))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str) -> DeviceName {
        name.parse().unwrap()
    }

    #[test]
    fn the_first_are_told_and_the_rest_counted_exactly() {
        let (mut refusals, start) = (Refusals::default(), Instant::now());
        let (cam, uav) = (device("cam"), device("uav"));
        let (mut told, mut counted) = (0, 0);
        for number in 0..1000_u32 {
            // A hundred a second, for ten seconds.
            let now = start + Duration::from_millis(10) * number;
            let reason = match number % 4 {
                0 => Reason::TooLarge,
                _ => Reason::NotAllowed,
            };
            told += u32::from(refusals.refused(&cam, reason, now));
            while let Some((sender, codes)) = refusals.due(now) {
                assert_eq!(sender, cam);
                counted += codes.values().sum::<u64>();
                assert!(codes["too_large"] > 20 && codes["not_allowed"] > 70);
            }
        }
        assert!(refusals.refused(&uav, Reason::NoSpace, start), "another's");
        let due = refusals.poll_timeout().unwrap();
        assert!(due <= start + Duration::from_secs(11));
        assert_eq!(refusals.due(start), None);
        let (_, codes) = refusals.rest().unwrap();
        counted += codes.values().sum::<u64>();
        assert_eq!((told, counted), (TOLD, u64::from(1000 - TOLD)));
        assert_eq!((refusals.rest(), refusals.poll_timeout()), (None, None));
    }

    #[test]
    fn after_a_while_they_are_told_again() {
        let (mut refusals, start) = (Refusals::default(), Instant::now());
        let cam = device("cam");
        let mut told = |now| refusals.refused(&cam, Reason::Busy, now);
        assert_eq!((0..20).filter(|_| told(start)).count(), 10);
        assert!(!told(start + QUIET - STEP), "it goes on");
        let later = start + QUIET * 2;
        // What was counted is told first.
        assert_eq!(refusals.rest().unwrap().1["busy"], 11);
        assert!(refusals.refused(&cam, Reason::Busy, later));
        assert_eq!(refusals.by_sender.len(), 1);
    }
}
