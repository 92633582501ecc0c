//! The notes that a store has written down of devices, beside when they were there.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetlink_core::{Hub, Sighting, SightingNotes};
use fleetlink_proto::{DeviceName, WallTime};

use crate::rng::Rng;
use crate::store::Store;
use crate::world::World;

/// A store's sightings, and the notes that it is writing.
#[derive(Default)]
pub(crate) struct Written {
    devices: BTreeMap<DeviceName, Sighting>,
    alive: Option<WallTime>,
    /// Until when they are written.
    writing: Option<(Duration, SightingNotes)>,
    /// Of its own, so that what is drawn here changes nothing else of a run.
    rng: Option<Rng>,
    /// The presence of devices by the hub's own list.
    seen: BTreeMap<DeviceName, WallTime>,
}

impl Written {
    fn rng(&mut self) -> &mut Rng {
        self.rng.get_or_insert_with(|| Rng::new(7))
    }

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
    pub(crate) fn crash(&mut self, store: &Store) {
        let is_written = self.rng().percent(50);
        if let Some((_, notes)) = self.writing.take().filter(|_| is_written) {
            self.apply(&notes, store);
        }
        self.seen.clear();
    }
}

impl World {
    /// Has notes written that are due, as the driver does, beside everything else.
    pub(crate) fn write_sightings(&mut self) {
        let accounts = &self.store.accounts;
        self.written
            .devices
            .retain(|name, _| accounts.contains_key(name));
        self.written
            .seen
            .retain(|name, _| accounts.contains_key(name));
        // A store makes its changes in their order: the notes are there before the account goes.
        if let Some((_, notes)) = &mut self.written.writing {
            let devices = &mut notes.devices;
            devices.retain(|(name, _)| accounts.contains_key(name));
        }
        for device in self.hub.active() {
            self.written.seen.insert(device.name, self.now.wall);
        }
        let now = self.now.monotonic;
        if let Some((ends, _)) = &self.written.writing
            && *ends <= now
        {
            self.sightings_written();
        }
        if self.hub.sightings_due().is_some_and(|due| due <= now) {
            let notes = self.hub.take_sightings(self.now);
            self.written.check(&self.hub, &notes, &self.store);
            let ends = now + self.written.rng().millis(1, 5_000);
            self.written.writing = Some((ends, notes));
        }
    }

    /// The store has written the notes, or has not, or has and does not say so.
    fn sightings_written(&mut self) {
        let Some((_, notes)) = self.written.writing.take() else {
            return;
        };
        let (is_written, is_told) = match self.written.rng().below(10) {
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
