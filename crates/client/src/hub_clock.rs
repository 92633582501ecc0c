//! The hub's clock, as a device knows it: what the hub said last, and the time that has passed since.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fleetlink_proto::HubTime;

/// Follows the clock of a hub's run. Clones follow the same.
///
/// Neither the hub's civil time nor this device's has a part in it. Each answer of the hub that
/// tells the time sets it right, the answer to each keep-alive too, so that it does not drift.
#[derive(Debug, Clone, Default)]
pub struct HubClock(Arc<Mutex<Option<Heard>>>);

#[derive(Debug, Clone, Copy)]
struct Heard {
    said: HubTime,
    at: Duration,
}

impl HubClock {
    /// A clock by which it is this time now.
    pub fn at(time: HubTime) -> Self {
        let clock = HubClock::default();
        clock.set(time);
        clock
    }

    /// The hub says that it is this time now.
    pub fn set(&self, time: HubTime) {
        let heard = Heard {
            said: time,
            at: awake_or_asleep(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
    }

    /// The time by it; `None` before the hub has told it.
    pub fn now(&self) -> Option<HubTime> {
        let heard = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Heard { said, at } = heard?;
        Some(said.later(awake_or_asleep().saturating_sub(at)))
    }
}

/// The time since the start of this machine, that of its sleep included: a device that has slept
/// must not take what ended meanwhile for valid.
fn awake_or_asleep() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(clock);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use fleetlink_proto::HubRun;

    use super::*;

    #[test]
    fn it_goes_on_from_what_the_hub_said_last() {
        let clock = HubClock::default();
        assert_eq!(clock.now(), None);
        let said = |run, ms| HubTime {
            run: HubRun::from_bytes([run; 16]),
            ms,
        };
        // Forward, back, and to another run, as each answer says.
        for said in [said(1, 5000), said(1, 9_000_000), said(1, 70), said(2, 3)] {
            let follower = clock.clone();
            clock.set(said);
            let before = follower.now().unwrap();
            assert_eq!(before.run, said.run);
            assert!(before.ms >= said.ms && before.ms < said.ms + 60_000);
            let step = Duration::from_millis(2);
            std::thread::sleep(step);
            assert!(said.later(step).left(clock.now().unwrap()) == Some(Duration::ZERO));
        }
    }
}
