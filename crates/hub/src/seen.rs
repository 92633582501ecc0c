//! Devices as they are now: what the store has of them, with what it does not know yet.

use std::collections::HashMap;

use fleetlink_core::{DevicePresence, HalfHours, Presences, Sighting};
use fleetlink_proto::{DeviceName, WallTime};

use crate::store::{StoredDevice, StoredDevices};
use crate::traffic::{Bytes, Traffic};

/// A device as it is now.
#[derive(Debug)]
pub(crate) struct SeenDevice {
    pub(crate) stored: StoredDevice,
    pub(crate) presence: DevicePresence,
    pub(crate) bytes: Bytes,
    sighting: Option<Sighting>,
    at: WallTime,
    ran: HalfHours,
}

/// The names of stored devices.
pub(crate) fn names_of(stored: &StoredDevices) -> Vec<DeviceName> {
    stored.devices.iter().map(|d| d.name.clone()).collect()
}

/// Puts together what is known of devices. They were read from the store before the core was asked for
/// what the store may not know yet, so that nothing is missing.
pub(crate) fn combine(
    stored: StoredDevices,
    presences: Presences,
    traffic: &Traffic,
) -> Vec<SeenDevice> {
    let bytes = traffic.of(stored.devices.iter().map(|device| &device.name));
    let (at, mut ran) = (presences.at, stored.ran);
    // Until the store has written down that this run began, what the run before left open is open.
    let ended = stored.alive.filter(|alive| *alive < presences.begun);
    ran.add(presences.ran);
    let seen = presences.devices.into_iter();
    let mut seen: HashMap<_, _> = seen.map(|seen| (seen.name.clone(), seen)).collect();
    let devices = stored.devices.into_iter().zip(bytes);
    let devices = devices.filter_map(|(mut stored, bytes)| {
        let presence = seen.remove(&stored.name)?;
        let mut sighting = stored.sighting.take();
        if let (Some(sighting), Some(alive)) = (&mut sighting, ended) {
            sighting.end_run(alive, presences.begun);
        }
        if let Some(note) = &presence.note {
            match &mut sighting {
                Some(sighting) => sighting.add(note),
                None => sighting = Some(Sighting::begin(note)),
            }
        }
        Some(SeenDevice {
            stored,
            presence,
            bytes,
            sighting,
            at,
            ran,
        })
    });
    devices.collect()
}

impl SeenDevice {
    /// Whether it has a session, so that it is being seen.
    pub(crate) fn is_seen(&self) -> bool {
        self.presence.sessions > 0
    }

    /// The time at which it was seen first. Of a clock that was set back, nothing lies ahead.
    pub(crate) fn first_seen(&self) -> Option<WallTime> {
        self.sighting.as_ref().map(|s| s.first.min(self.at))
    }

    /// The time at which it was seen last, if it has no session.
    pub(crate) fn last_seen(&self) -> Option<WallTime> {
        let sighting = self.sighting.as_ref().filter(|_| !self.is_seen());
        sighting.map(|s| s.last.min(self.at))
    }

    pub(crate) fn heartbeat(&self) -> Option<String> {
        let sighting = self.sighting.as_ref();
        sighting.map(|s| s.heartbeat(&self.ran, self.at))
    }

    /// The time at which it is shown.
    pub(crate) fn at(&self) -> WallTime {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fleetlink_core::SightingNote;

    use super::*;

    fn at(minutes: u64) -> WallTime {
        let start = WallTime::from_unix_millis(1_800_000_000_000);
        start.later(Duration::from_secs(minutes * 60))
    }

    /// A device that was present from the start of a run that was last heard of at minute 600.
    fn stored(alive: u64) -> StoredDevices {
        let (mut note, mut ran) = (SightingNote::seen(at(0)), HalfHours::default());
        note.is_seen = Some(true);
        let mut sighting = Sighting::begin(&note);
        sighting.course.is_present = true;
        ran.mark(at(0), at(600));
        let device = StoredDevice {
            name: "cam".parse().unwrap(),
            created: at(0),
            key: None,
            sighting: Some(sighting),
            data_files: 0,
            bytes: 0,
            latest: None,
        };
        StoredDevices {
            alive: Some(at(alive)),
            ran,
            devices: vec![device],
        }
    }

    /// The device at minute 1200, in a run that began at minute 900.
    fn seen(stored: StoredDevices) -> SeenDevice {
        let mut ran = HalfHours::default();
        ran.mark(at(900), at(1200));
        let presence = DevicePresence {
            name: "cam".parse().unwrap(),
            joined: None,
            sessions: 0,
            note: None,
        };
        let presences = Presences {
            at: at(1200),
            begun: at(900),
            ran,
            devices: vec![presence],
        };
        combine(stored, presences, &Traffic::default()).remove(0)
    }

    #[test]
    fn a_run_of_which_nothing_is_written_yet_has_ended_the_one_before() {
        let left = seen(stored(600));
        assert_eq!(left.last_seen(), Some(at(600)));
        let heartbeat = left.heartbeat().unwrap();
        // The half hour that begins now tells nothing yet.
        assert!(heartbeat.ends_with("0000000000-"), "{heartbeat}");
        assert!(heartbeat.contains("22222"), "{heartbeat}");
        // Once it is written, the store's word counts.
        let present = seen(stored(1150)).heartbeat().unwrap();
        assert!(present.ends_with("222222-"), "{present}");
    }
}
