//! The uploads that are being staged, and the interrupted ones that are kept.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use fleetlink_core::StoreError;
use fleetlink_proto::control::limits::PARTIAL_UPLOAD_KEPT;

use super::limits::PARTIALS_PER_DEVICE;
use super::partial_name::{Partial, PartialName, Target};

/// The interrupted uploads; each is one file of the folder `partial`.
pub(super) struct Partials(Mutex<HashMap<PartialName, Slot>>);

/// The partial upload that is already there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// Nothing.
    New,
    /// Some of it, to go on with.
    Kept(Partial),
    /// Some of it, kept for longer than is promised: it is to be removed.
    TooOld(Partial),
    /// Somebody writes or removes it: the name is not taken.
    Busy,
}

struct Slot {
    state: State,
    /// None where it is not known.
    target: Option<Target>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Written,
    Removed,
    /// Kept since then.
    Kept(SystemTime),
}

impl Partials {
    pub(super) fn new(kept: impl IntoIterator<Item = (Partial, SystemTime)>) -> Self {
        let slots = kept.into_iter().map(|(Partial { name, target }, at)| {
            let state = State::Kept(at);
            (name, Slot { state, target })
        });
        Partials(Mutex::new(slots.collect()))
    }

    /// Takes the name for one upload and says what of it is there.
    pub(super) fn claim(&self, upload: &Partial, now: SystemTime) -> Result<Claim, StoreError> {
        let mut slots = self.slots();
        let found = slots.get(&upload.name);
        let claim = found.map_or(Ok(Claim::New), |slot| slot.claim(upload, now))?;
        if claim != Claim::Busy {
            let (state, target) = (State::Written, upload.target.clone());
            slots.insert(upload.name.clone(), Slot { state, target });
        }
        Ok(claim)
    }

    /// Whether an upload of this name is staged or kept.
    pub(super) fn has(&self, name: &PartialName, now: SystemTime) -> bool {
        let slots = self.slots();
        slots.get(name).is_some_and(|slot| match slot.state {
            State::Written => true,
            State::Removed => false,
            State::Kept(at) => !is_too_old(at, now),
        })
    }

    /// Gives the name back; nothing is kept under it.
    pub(super) fn release(&self, name: &PartialName) {
        self.slots().remove(name);
    }

    /// Gives the name back and keeps what it has. Answers which others are to be removed for it, and
    /// then released.
    pub(super) fn keep(&self, upload: &Partial, now: SystemTime) -> Vec<Partial> {
        let mut slots = self.slots();
        let (state, target) = (State::Kept(now), upload.target.clone());
        slots.insert(upload.name.clone(), Slot { state, target });
        let removed = surplus(&kept(&slots), now);
        mark_removed(&mut slots, &removed);
        removed
    }

    /// Those that seem to be of a time to come, since a clock was set back: from now on they are of
    /// this time.
    pub(super) fn bring_back(&self, now: SystemTime) -> Vec<Partial> {
        let mut slots = self.slots();
        let mut ahead = Vec::new();
        for (name, slot) in slots.iter_mut() {
            if let State::Kept(at) = &mut slot.state
                && *at > now
            {
                *at = now;
                ahead.push(slot.partial(name));
            }
        }
        ahead
    }

    /// Answers which are too old, to be removed and then released.
    pub(super) fn prune(&self, now: SystemTime) -> Vec<Partial> {
        let mut slots = self.slots();
        let old = kept(&slots)
            .into_iter()
            .filter(|(_, at)| is_too_old(*at, now));
        let old: Vec<_> = old.map(|(partial, _)| partial).collect();
        mark_removed(&mut slots, &old);
        old
    }

    /// All of them, by device and key: since when each is interrupted, or `None` where it is arriving.
    pub(super) fn list(&self) -> Vec<(Partial, Option<SystemTime>)> {
        let slots = self.slots();
        let entries = slots.iter().map(|(name, slot)| {
            let since = match slot.state {
                State::Written | State::Removed => None,
                State::Kept(at) => Some(at),
            };
            (slot.partial(name), since)
        });
        let mut entries: Vec<_> = entries.collect();
        let order = |partial: &Partial| (partial.name.device.clone(), partial.name.key);
        entries.sort_by_cached_key(|(partial, _)| order(partial));
        entries
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<PartialName, Slot>> {
        // Each change of the map is one call, so a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn partial(&self, name: &PartialName) -> Partial {
        Partial {
            name: name.clone(),
            target: self.target.clone(),
        }
    }

    /// Looks for earlier bytes of this slot's upload. An upload of another target is a conflict,
    /// whether it was interrupted or still arrives.
    fn claim(&self, upload: &Partial, now: SystemTime) -> Result<Claim, StoreError> {
        let there = || self.partial(&upload.name);
        match self.state {
            State::Kept(at) if is_too_old(at, now) => Ok(Claim::TooOld(there())),
            State::Removed => Ok(Claim::Busy),
            _ if self.target.is_some() && self.target != upload.target => Err(other_change()),
            State::Kept(_) => Ok(Claim::Kept(there())),
            State::Written => Ok(Claim::Busy),
        }
    }
}

/// The error for a change whose key belongs to another one.
pub(super) fn other_change() -> StoreError {
    let message = "this idempotency key is that of an upload that is not finished, which is another \
                   change; abort that one first, or use another key";
    StoreError::Conflict(message.to_owned())
}

fn mark_removed(slots: &mut HashMap<PartialName, Slot>, removed: &[Partial]) {
    for partial in removed {
        if let Some(slot) = slots.get_mut(&partial.name) {
            slot.state = State::Removed;
        }
    }
}

fn kept(slots: &HashMap<PartialName, Slot>) -> Vec<(Partial, SystemTime)> {
    let kept = slots.iter().filter_map(|(name, slot)| match slot.state {
        State::Kept(at) => Some((slot.partial(name), at)),
        State::Written | State::Removed => None,
    });
    kept.collect()
}

/// Those that are too old, the oldest of a device that has too many, and all but the newest of one
/// name.
pub(super) fn surplus(kept: &[(Partial, SystemTime)], now: SystemTime) -> Vec<Partial> {
    let mut newest_first: Vec<_> = kept.iter().collect();
    newest_first.sort_by_key(|(_, at)| std::cmp::Reverse(*at));
    let mut of_device = HashMap::new();
    let mut names = HashSet::new();
    let surplus = newest_first.into_iter().filter(|(partial, at)| {
        let count = of_device.entry(&partial.name.device).or_insert(0);
        *count += 1;
        *count > PARTIALS_PER_DEVICE || is_too_old(*at, now) || !names.insert(&partial.name)
    });
    surplus.map(|(partial, _)| partial.clone()).collect()
}

/// A time to come is that of a clock that was set back: it counts as now.
fn is_too_old(at: SystemTime, now: SystemTime) -> bool {
    now.duration_since(at).unwrap_or_default() > PARTIAL_UPLOAD_KEPT
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fleetlink_proto::control::UploadMode;
    use fleetlink_proto::{DataFile, IdempotencyKey};

    use super::*;

    fn name(device: &str, key: u128) -> Partial {
        to(
            device,
            key,
            Some((DataFile::numbered(1), UploadMode::Replace)),
        )
    }

    fn to(device: &str, key: u128, target: Option<Target>) -> Partial {
        let name = PartialName {
            device: device.parse().unwrap(),
            key: IdempotencyKey::from_bits(key),
        };
        Partial { name, target }
    }

    #[test]
    fn one_upload_has_a_name_at_a_time() {
        let now = SystemTime::now();
        let partials = Partials::new([(name("a", 1), now)]);
        let kept = Claim::Kept(name("a", 1));
        assert_eq!(partials.claim(&name("a", 1), now), Ok(kept));
        assert_eq!(partials.claim(&name("a", 1), now), Ok(Claim::Busy));
        assert_eq!(partials.claim(&name("b", 1), now), Ok(Claim::New));
        partials.release(&name("a", 1).name);
        assert_eq!(partials.claim(&name("a", 1), now), Ok(Claim::New));
    }

    #[test]
    fn a_name_has_one_target_until_it_is_given_back() {
        let now = SystemTime::now();
        let [one, other] = [1, 2].map(|file| Some((DataFile::numbered(file), UploadMode::Replace)));
        let append = Some((DataFile::numbered(1), UploadMode::Append));
        let later = now + PARTIAL_UPLOAD_KEPT + Duration::from_secs(1);
        let (kept, unknown) = (to("a", 1, one.clone()), to("a", 2, None));
        let partials = Partials::new([(kept.clone(), now), (unknown.clone(), now)]);
        for _ in ["kept", "written"] {
            for target in [&other, &append] {
                let claim = partials.claim(&to("a", 1, target.clone()), now);
                assert!(matches!(claim, Err(StoreError::Conflict(_))), "{claim:?}");
            }
            assert!(partials.has(&kept.name, now));
            partials.claim(&kept, now).unwrap();
        }
        partials.keep(&kept, now);
        assert!(!partials.has(&kept.name, later));
        let claim = partials.claim(&to("a", 1, other.clone()), later);
        assert_eq!(claim, Ok(Claim::TooOld(kept.clone())));
        partials.release(&kept.name);
        assert!(!partials.has(&kept.name, now));
        assert_eq!(partials.claim(&to("a", 1, append), now), Ok(Claim::New));
        // What an earlier version has kept is gone on with, once.
        let claim = partials.claim(&to("a", 2, one), now);
        assert_eq!(claim, Ok(Claim::Kept(unknown)));
        assert!(partials.claim(&to("a", 2, other), now).is_err());
    }

    #[test]
    fn of_two_files_of_one_name_the_newer_one_stays() {
        let now = SystemTime::now();
        let old = (to("a", 1, None), now - Duration::from_secs(1));
        let kept = [old.clone(), (name("a", 1), now)];
        assert_eq!(surplus(&kept, now), [old.0]);
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
        old.sort_by_key(|partial| partial.name.device.clone());
        assert_eq!(old, [name("ahead", 1), name("old", 1)]);
        partials.release(&name("old", 1).name);
        partials.keep(&name("old", 1), now);
        let claim = partials.claim(&name("old", 1), later);
        assert_eq!(claim, Ok(Claim::TooOld(name("old", 1))));
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
        gone.sort_by_key(|n| (n.name.device.clone(), n.name.key));
        assert_eq!(gone, [name("many", 8), name("many", 9), name("old", 1)]);
    }
}
