//! Which uploads are being staged, and which interrupted ones are kept.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use fleetlink_core::StoreError;
use fleetlink_proto::control::limits::PARTIAL_UPLOAD_KEPT;

use super::folder::PartialName;
use super::limits::PARTIALS_PER_DEVICE;

/// The interrupted uploads; each is one file of the folder `partial`.
pub(super) struct Partials(Mutex<HashMap<PartialName, Slot>>);

/// The partial upload that is already there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// Nothing.
    New,
    /// Some of it, to go on with.
    Kept,
    /// Some of it, kept for longer than is promised: it is to be removed.
    TooOld,
}

enum Slot {
    /// Somebody writes or removes it.
    Busy,
    /// Kept since then.
    Kept(SystemTime),
}

impl Partials {
    pub(super) fn new(kept: impl IntoIterator<Item = (PartialName, SystemTime)>) -> Self {
        let slots = kept.into_iter();
        Partials(Mutex::new(
            slots.map(|(name, at)| (name, Slot::Kept(at))).collect(),
        ))
    }

    /// Takes the name for one upload and says what of it is there.
    pub(super) fn claim(&self, name: &PartialName, now: SystemTime) -> Result<Claim, StoreError> {
        match self.slots().insert(name.clone(), Slot::Busy) {
            None => Ok(Claim::New),
            Some(Slot::Kept(at)) if is_too_old(at, now) => Ok(Claim::TooOld),
            Some(Slot::Kept(_)) => Ok(Claim::Kept),
            Some(Slot::Busy) => Err(StoreError::Conflict(
                "an upload with this key is already in progress".to_owned(),
            )),
        }
    }

    /// Gives the name back; nothing is kept under it.
    pub(super) fn release(&self, name: &PartialName) {
        self.slots().remove(name);
    }

    /// Gives the name back and keeps what it has. Answers which others are to be removed for it, and
    /// then released.
    pub(super) fn keep(&self, name: &PartialName, now: SystemTime) -> Vec<PartialName> {
        let mut slots = self.slots();
        slots.insert(name.clone(), Slot::Kept(now));
        let removed = surplus(&kept(&slots), now);
        for name in &removed {
            slots.insert(name.clone(), Slot::Busy);
        }
        removed
    }

    /// Those that seem to be of a time to come, since a clock was set back: from now on they are of
    /// this time.
    pub(super) fn bring_back(&self, now: SystemTime) -> Vec<PartialName> {
        let mut slots = self.slots();
        let mut ahead = Vec::new();
        for (name, slot) in slots.iter_mut() {
            if let Slot::Kept(at) = slot
                && *at > now
            {
                *at = now;
                ahead.push(name.clone());
            }
        }
        ahead
    }

    /// Answers which are too old, to be removed and then released.
    pub(super) fn prune(&self, now: SystemTime) -> Vec<PartialName> {
        let mut slots = self.slots();
        let old = kept(&slots)
            .into_iter()
            .filter(|(_, at)| is_too_old(*at, now));
        let old: Vec<_> = old.map(|(name, _)| name).collect();
        for name in &old {
            slots.insert(name.clone(), Slot::Busy);
        }
        old
    }

    /// All of them, by device and key: since when each is interrupted, or `None` where it is arriving.
    pub(super) fn list(&self) -> Vec<(PartialName, Option<SystemTime>)> {
        let slots = self.slots();
        let entries = slots.iter().map(|(name, slot)| match slot {
            Slot::Busy => (name.clone(), None),
            Slot::Kept(at) => (name.clone(), Some(*at)),
        });
        let mut entries: Vec<_> = entries.collect();
        entries.sort_by(|(a, _), (b, _)| (&a.device, a.key).cmp(&(&b.device, b.key)));
        entries
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<PartialName, Slot>> {
        // Each change of the map is one call, so a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kept(slots: &HashMap<PartialName, Slot>) -> Vec<(PartialName, SystemTime)> {
    let kept = slots.iter().filter_map(|(name, slot)| match slot {
        Slot::Kept(at) => Some((name.clone(), *at)),
        Slot::Busy => None,
    });
    kept.collect()
}

/// Those that are too old, and the oldest of a device that has too many.
pub(super) fn surplus(kept: &[(PartialName, SystemTime)], now: SystemTime) -> Vec<PartialName> {
    let mut newest_first: Vec<_> = kept.iter().collect();
    newest_first.sort_by_key(|(_, at)| std::cmp::Reverse(*at));
    let mut of_device = HashMap::new();
    let surplus = newest_first.into_iter().filter(|(name, at)| {
        let count = of_device.entry(&name.device).or_insert(0);
        *count += 1;
        *count > PARTIALS_PER_DEVICE || is_too_old(*at, now)
    });
    surplus.map(|(name, _)| name.clone()).collect()
}

/// A time to come is that of a clock that was set back: it counts as now.
fn is_too_old(at: SystemTime, now: SystemTime) -> bool {
    now.duration_since(at).unwrap_or_default() > PARTIAL_UPLOAD_KEPT
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fleetlink_proto::IdempotencyKey;

    use super::*;

    fn name(device: &str, key: u128) -> PartialName {
        PartialName {
            device: device.parse().unwrap(),
            key: IdempotencyKey::from_bits(key),
        }
    }

    #[test]
    fn one_upload_has_a_name_at_a_time() {
        let now = SystemTime::now();
        let partials = Partials::new([(name("a", 1), now)]);
        assert_eq!(partials.claim(&name("a", 1), now), Ok(Claim::Kept));
        assert!(matches!(
            partials.claim(&name("a", 1), now),
            Err(StoreError::Conflict(_))
        ));
        assert_eq!(partials.claim(&name("b", 1), now), Ok(Claim::New));
        partials.release(&name("a", 1));
        assert_eq!(partials.claim(&name("a", 1), now), Ok(Claim::New));
    }

    #[test]
    fn an_upload_that_is_too_old_is_removed_or_not_gone_on_with() {
        let now = SystemTime::now();
        let hour = Duration::from_secs(3600);
        let partials = Partials::new([(name("old", 1), now), (name("ahead", 1), now + 50 * hour)]);
        assert_eq!(partials.prune(now + PARTIAL_UPLOAD_KEPT), []);
        assert_eq!(partials.bring_back(now), [name("ahead", 1)]);
        let later = now + PARTIAL_UPLOAD_KEPT + hour;
        let mut old = partials.prune(later);
        old.sort_by_key(|name| name.device.clone());
        assert_eq!(old, [name("ahead", 1), name("old", 1)]);
        partials.release(&name("old", 1));
        partials.keep(&name("old", 1), now);
        let claim = partials.claim(&name("old", 1), later);
        assert_eq!(claim, Ok(Claim::TooOld));
    }

    #[test]
    fn the_oldest_of_one_device_and_the_too_old_go() {
        let now = SystemTime::now();
        let ago = |seconds| now - Duration::from_secs(seconds);
        let mut kept: Vec<_> = (0..10)
            .map(|n| (name("many", u128::from(n)), ago(n)))
            .collect();
        kept.push((
            name("old", 1),
            now - PARTIAL_UPLOAD_KEPT - Duration::from_secs(1),
        ));
        kept.push((name("young", 1), ago(5)));
        kept.push((name("future", 1), now + Duration::from_secs(100)));
        let mut gone = surplus(&kept, now);
        gone.sort_by_key(|n| (n.device.clone(), n.key));
        assert_eq!(gone, [name("many", 8), name("many", 9), name("old", 1)]);
    }
}
