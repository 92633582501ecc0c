//! The notes of when devices were there that a store has not written down yet.

use std::collections::BTreeMap;
use std::mem;
use std::time::Duration;

use fleetlink_proto::{DeviceName, WallTime};

use crate::presence::half_hours::HalfHours;
use crate::presence::sighting::{SightingNote, SightingNotes};
use crate::time::Now;

/// A join, a leave or a first call is written down after this time.
const SOON: Duration = Duration::from_secs(2);
/// The greatest age of what the hub still knows after a crash.
const LATEST: Duration = Duration::from_secs(60);

type Notes = BTreeMap<DeviceName, SightingNote>;

/// The notes, from an event to the store's word that it has written them down.
///
/// A device that stays present is in none: the store is told once a minute that the hub runs.
#[derive(Debug)]
pub(crate) struct Sightings {
    now: Now,
    /// The begin of this run.
    started: WallTime,
    /// The same, until something of it is written.
    begun: Option<WallTime>,
    ran: HalfHours,
    /// The time at which the notes are to be written.
    due: Duration,
    fresh: Notes,
    /// The notes that the store writes down.
    taken: Option<SightingNotes>,
    /// Those that it wrote down last: somebody who read the store before may ask for them yet.
    written: Notes,
}

impl Sightings {
    pub(crate) fn starting_at(now: Now) -> Self {
        let mut ran = HalfHours::default();
        ran.mark(now.wall, now.wall);
        Sightings {
            now,
            started: now.wall,
            begun: Some(now.wall),
            ran,
            due: now.monotonic,
            fresh: Notes::new(),
            taken: None,
            written: Notes::new(),
        }
    }

    /// Time has passed.
    pub(crate) fn set_time(&mut self, now: Now) {
        if now.wall < self.now.wall {
            self.ran.forget_after(now.wall);
        }
        self.now = now;
        self.ran.mark(now.wall, now.wall);
    }

    /// A device made an authenticated call without a session.
    pub(crate) fn seen(&mut self, name: &DeviceName) {
        self.note(name);
    }

    /// A device has its first session, or has none any more.
    pub(crate) fn has_sessions(&mut self, name: &DeviceName, is_seen: bool) {
        self.note(name).is_seen = Some(is_seen);
        self.hurry();
    }

    /// A device has become present or absent.
    pub(crate) fn presence_changed(&mut self, name: &DeviceName, is_present: bool) {
        let at = self.now.wall;
        self.note(name).change(is_present, at);
        self.hurry();
    }

    /// The account is gone.
    pub(crate) fn forget(&mut self, name: &DeviceName) {
        self.fresh.remove(name);
        self.written.remove(name);
        if let Some(taken) = &mut self.taken {
            taken.devices.retain(|(noted, _)| noted != name);
        }
    }

    fn note(&mut self, name: &DeviceName) -> &mut SightingNote {
        let at = self.now.wall;
        if !self.fresh.contains_key(name) {
            self.fresh.insert(name.clone(), SightingNote::seen(at));
        }
        let note = self.fresh.entry(name.clone());
        let note = note.or_insert_with(|| SightingNote::seen(at));
        note.last = at;
        note
    }

    fn hurry(&mut self) {
        self.due = self.due.min(self.now.monotonic + SOON);
    }

    /// The time at which [`take`](Self::take) has something; `None` while the store writes.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.taken.is_none().then_some(self.due)
    }

    /// Takes all that is to be written down.
    pub(crate) fn take(&mut self) -> SightingNotes {
        self.due = self.now.monotonic + LATEST;
        let notes = SightingNotes {
            at: self.now.wall,
            begun: self.begun,
            ran: self.ran,
            devices: mem::take(&mut self.fresh).into_iter().collect(),
        };
        self.taken = Some(notes.clone());
        notes
    }

    /// The store has written down what was taken, or has not.
    pub(crate) fn written(&mut self, is_written: bool) {
        let taken = self.taken.take();
        let taken = taken.map(|taken| taken.devices).unwrap_or_default();
        if is_written {
            self.begun = None;
            self.written = taken.into_iter().collect();
            return;
        }
        for (name, mut note) in taken {
            if let Some(later) = self.fresh.remove(&name) {
                note.add(later);
            }
            self.fresh.insert(name, note);
        }
    }

    /// Changes that the store may not have told of a device, in the order in which it happened.
    pub(crate) fn of(&self, name: &DeviceName) -> Option<SightingNote> {
        let taken = self.taken.as_ref().and_then(|taken| {
            // They were taken in the order of their names.
            let place = taken.devices.binary_search_by(|(noted, _)| noted.cmp(name));
            place.ok().and_then(|place| taken.devices.get(place))
        });
        let notes = self.written.get(name).into_iter();
        let notes = notes.chain(taken.map(|(_, note)| note));
        let mut notes = notes.chain(self.fresh.get(name)).cloned();
        let mut all = notes.next()?;
        notes.for_each(|note| all.add(note));
        Some(all)
    }

    /// The time at which this run of the hub began.
    pub(crate) fn started(&self) -> WallTime {
        self.started
    }

    /// The half hours in which this run of the hub ran.
    pub(crate) fn ran(&self) -> HalfHours {
        self.ran
    }

    /// The time of the last event.
    pub(crate) fn wall(&self) -> WallTime {
        self.now.wall
    }
}
