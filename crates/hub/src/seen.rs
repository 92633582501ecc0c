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
    ran.add(presences.ran);
    let seen = presences.devices.into_iter();
    let mut seen: HashMap<_, _> = seen.map(|seen| (seen.name.clone(), seen)).collect();
    let devices = stored.devices.into_iter().zip(bytes);
    let devices = devices.filter_map(|(mut stored, bytes)| {
        let presence = seen.remove(&stored.name)?;
        let mut sighting = stored.sighting.take();
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
