//! New samples of a data file, told together: a page keeps up, however fast a device measures.

use std::collections::HashMap;

use fleetlink_proto::samples::LastSample;
use fleetlink_proto::{DataFile, DeviceName, Version, WallTime};
use tokio::time::Instant;

use super::{LOOK_STEP, MAX_FILES_TOGETHER, SAMPLES_TOGETHER};

/// Samples that were added to a data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Added {
    pub(super) device: DeviceName,
    pub(super) file: DataFile,
    pub(super) samples: u64,
    pub(super) bytes: u64,
    /// The newest version.
    pub(super) version: Version,
    /// The newest sample.
    pub(super) last: Option<LastSample>,
    pub(super) at: WallTime,
}

impl Added {
    /// Takes what was added after this.
    fn absorb(&mut self, later: &Added) {
        self.samples = self.samples.saturating_add(later.samples);
        self.bytes = self.bytes.saturating_add(later.bytes);
        self.version = later.version;
        self.last = later.last.or(self.last);
        self.at = later.at;
    }
}

/// The data files that were told of a moment ago, with what came since.
#[derive(Debug, Default)]
pub(super) struct Coalescer {
    files: HashMap<(DeviceName, DataFile), Recent>,
    /// The time of the next look at them.
    due: Option<Instant>,
}

#[derive(Debug)]
struct Recent {
    told: Instant,
    waiting: Option<Added>,
}

impl Coalescer {
    /// The time at which something may have to be told.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Takes new samples; what is to be told at once.
    pub(super) fn add(&mut self, added: Added, now: Instant) -> Option<Added> {
        let key = (added.device.clone(), added.file.clone());
        if let Some(recent) = self.files.get_mut(&key) {
            match &mut recent.waiting {
                Some(waiting) => waiting.absorb(&added),
                None if now < recent.told + SAMPLES_TOGETHER => recent.waiting = Some(added),
                None => {
                    recent.told = now;
                    return Some(added);
                }
            }
            return None;
        }
        if self.files.len() < MAX_FILES_TOGETHER {
            let waiting = None;
            self.files.insert(key, Recent { told: now, waiting });
            self.due.get_or_insert(now + SAMPLES_TOGETHER);
        }
        Some(added)
    }

    /// Takes out what waits of a data file that is about to change otherwise, or of all of a device.
    pub(super) fn withdraw(&mut self, device: &DeviceName, file: Option<&DataFile>) -> Vec<Added> {
        let Some(file) = file else {
            let of_device = self.files.extract_if(|(owner, _), _| owner == device);
            return of_device.filter_map(|(_, recent)| recent.waiting).collect();
        };
        let recent = self.files.remove(&(device.clone(), file.clone()));
        recent
            .and_then(|recent| recent.waiting)
            .into_iter()
            .collect()
    }

    /// The samples that have waited long enough.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Added> {
        if self.due.is_none_or(|due| now < due) {
            return Vec::new();
        }
        let mut due = Vec::new();
        self.files.retain(|_, recent| {
            if now < recent.told + SAMPLES_TOGETHER {
                return true;
            }
            let Some(waiting) = recent.waiting.take() else {
                return false;
            };
            due.push(waiting);
            recent.told = now;
            true
        });
        let next = self.files.values().map(|recent| recent.told).min();
        // Each look passes all files, so those that are due at nearly the same time share one.
        self.due = next.map(|told| (told + SAMPLES_TOGETHER).max(now + LOOK_STEP));
        due
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fleetlink_proto::samples::LastSample;

    use super::*;

    fn added(device: &str, samples: u64) -> Added {
        Added {
            device: device.parse().unwrap(),
            file: DataFile::numbered(1),
            samples,
            bytes: 2 * samples,
            version: Version::at_most(samples),
            last: LastSample::of_end(samples.to_string().as_bytes()),
            at: WallTime::from_unix_millis(i64::try_from(samples).unwrap()),
        }
    }

    #[test]
    fn a_file_is_told_of_at_most_four_times_a_second_and_no_sample_is_lost() {
        let (start, mut coalescer) = (Instant::now(), Coalescer::default());
        let (mut told, mut last) = (Vec::new(), None);
        for step in 0..1_000_u64 {
            let now = start + Duration::from_millis(step);
            told.extend(coalescer.take_due(now));
            told.extend(coalescer.add(added("a", 1), now));
            if step.is_multiple_of(400) {
                assert!(coalescer.add(added(&format!("b{step}"), 5), now).is_some());
            }
        }
        assert!((4..=5).contains(&told.len()), "{}", told.len());
        let mut now = start + Duration::from_secs(1);
        while let Some(due) = coalescer.due() {
            now = now.max(due);
            last = coalescer.take_due(now).pop().or(last);
        }
        let sum: u64 = told.iter().chain(&last).map(|added| added.samples).sum();
        assert_eq!(sum, 1_000);
        assert!(coalescer.files.is_empty());
    }

    #[test]
    fn many_files_that_are_due_one_after_another_share_a_look() {
        let (start, mut coalescer) = (Instant::now(), Coalescer::default());
        for step in 0..200 {
            let now = start + Duration::from_millis(step);
            for _ in 0..2 {
                coalescer.add(added(&format!("d{step}"), 1), now);
            }
        }
        let (mut looks, mut told) = (0, 0);
        while let Some(due) = coalescer.due() {
            looks += 1;
            told += coalescer.take_due(due).len();
        }
        assert_eq!(told, 200);
        // All are told within 200 ms, and are forgotten in another 200 ms or a little more.
        assert!(looks <= 20, "{looks}");
    }

    #[test]
    fn what_waits_has_the_newest_value_and_the_sum() {
        let (now, mut coalescer) = (Instant::now(), Coalescer::default());
        assert_eq!(coalescer.add(added("a", 1), now), Some(added("a", 1)));
        for samples in [2, 3] {
            assert_eq!(coalescer.add(added("a", samples), now), None);
        }
        assert_eq!(coalescer.take_due(now), []);
        let expected = Added {
            samples: 5,
            bytes: 10,
            ..added("a", 3)
        };
        assert_eq!(coalescer.take_due(now + SAMPLES_TOGETHER), [expected]);
    }

    #[test]
    fn what_waits_is_told_before_the_file_or_the_device_goes() {
        let (now, mut coalescer) = (Instant::now(), Coalescer::default());
        let fill = |coalescer: &mut Coalescer| {
            for device in ["a", "a", "b", "b"] {
                coalescer.add(added(device, 1), now);
            }
        };
        fill(&mut coalescer);
        let (a, other) = ("a".parse().unwrap(), DataFile::numbered(2));
        assert_eq!(coalescer.withdraw(&a, Some(&other)), []);
        assert_eq!(
            coalescer.withdraw(&a, Some(&DataFile::numbered(1))),
            [added("a", 1)]
        );
        assert_eq!(coalescer.add(added("a", 7), now), Some(added("a", 7)));
        coalescer.add(added("a", 8), now);
        assert_eq!(coalescer.withdraw(&a, None), [added("a", 8)]);
        assert_eq!(coalescer.take_due(now + SAMPLES_TOGETHER), [added("b", 1)]);
    }
}
