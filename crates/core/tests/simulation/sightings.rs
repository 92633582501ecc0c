//! What a store has written down of devices, beside when they were there.

use std::collections::BTreeMap;

use fleetlink_core::{Hub, Sighting, SightingNotes};
use fleetlink_proto::{DeviceName, WallTime};

use crate::store::Store;
use crate::world::{Event, World};

/// A store's sightings, and the notes that it is writing.
#[derive(Default)]
pub(crate) struct Written {
    devices: BTreeMap<DeviceName, Sighting>,
    alive: Option<WallTime>,
    writing: Option<SightingNotes>,
    /// The presence of devices by the hub's own list.
    seen: BTreeMap<DeviceName, WallTime>,
}

impl Written {
    fn apply(&mut self, notes: &SightingNotes, store: &Store) {
        if let (Some(begun), Some(alive)) = (notes.begun, self.alive) {
            let devices = self.devices.values_mut();
            devices.for_each(|sighting| sighting.end_run(alive, begun));
        }
        for (name, note) in &notes.devices {
            match self.devices.get_mut(name) {
                _ if !store.accounts.contains_key(name) => {}
                Some(sighting) => sighting.add(note),
                None => _ = self.devices.insert(name.clone(), Sighting::begin(note)),
            }
        }
        self.alive = Some(notes.at);
    }

    /// Checks what would be written now.
    fn check(&self, hub: &Hub, notes: &SightingNotes, store: &Store) {
        let mut after = Written {
            devices: self.devices.clone(),
            alive: self.alive,
            ..Written::default()
        };
        after.apply(notes, store);
        let active: Vec<_> = hub.active().map(|device| device.name).collect();
        for name in active
            .iter()
            .filter(|name| store.accounts.contains_key(name))
        {
            let sighting = &after.devices[name];
            assert!(sighting.course.is_present && sighting.is_seen, "{name}");
        }
        for (name, sighting) in &after.devices {
            let is_present = active.contains(name);
            assert_eq!(sighting.course.is_present, is_present, "{name}");
            if let Some(seen) = self.seen.get(name).filter(|_| !is_present) {
                assert!(sighting.last >= *seen, "{name} was there later");
            }
            assert!(sighting.first <= sighting.last, "{name}");
        }
    }

    /// The hub has died: what it had not written is lost.
    pub(crate) fn crash(&mut self, is_written: bool, store: &Store) {
        if let Some(notes) = self.writing.take().filter(|_| is_written) {
            self.apply(&notes, store);
        }
        self.seen.clear();
    }
}

impl World {
    /// Has notes written that are due, as the driver does.
    pub(crate) fn write_sightings(&mut self) {
        let accounts = &self.store.accounts;
        self.written
            .devices
            .retain(|name, _| accounts.contains_key(name));
        self.written
            .seen
            .retain(|name, _| accounts.contains_key(name));
        for device in self.hub.active() {
            self.written.seen.insert(device.name, self.now.wall);
        }
        let due = self.hub.sightings_due();
        if due.is_some_and(|due| due <= self.now.monotonic) {
            let notes = self.hub.take_sightings(self.now);
            self.written.check(&self.hub, &notes, &self.store);
            self.written.writing = Some(notes);
            let after = self.rng.millis(1, 5_000);
            self.schedule(after, Event::Noted);
        }
    }

    /// The store has written the notes, or has not, or has and does not say so.
    pub(crate) fn sightings_written(&mut self) {
        let Some(notes) = self.written.writing.take() else {
            return;
        };
        let (is_written, is_told) = match self.rng.below(10) {
            0 => (false, false),
            1 => (true, false),
            _ => (true, true),
        };
        if is_written {
            self.written.apply(&notes, &self.store);
        }
        self.coverage.count(match is_told {
            true => "sightings written",
            false => "sightings not written",
        });
        self.hub.sightings_written(is_told);
    }
}
