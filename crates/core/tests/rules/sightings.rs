//! Notes of when devices were there.

use std::time::Duration;

use fleetlink_core::{
    AccountOrder, AdminRequest, Input, SessionId, Sighting, SightingNotes, StoreReply,
};
use fleetlink_proto::control::Request;
use fleetlink_proto::{IdempotencyKey, WallTime};

use crate::fixture::{Fixture, name};

impl Fixture {
    fn sleep(&mut self, seconds: u64) {
        let time = Duration::from_secs(seconds);
        self.now.wall = self.now.wall.later(time);
        self.pass(time);
    }

    fn notes(&mut self) -> SightingNotes {
        self.hub.take_sightings(self.now)
    }

    fn written(&mut self) -> SightingNotes {
        let notes = self.notes();
        self.hub.sightings_written(true);
        notes
    }

    fn due_in(&self) -> Option<Duration> {
        let due = self.hub.sightings_due()?;
        Some(due.saturating_sub(self.now.monotonic))
    }
}

fn sighting(notes: &SightingNotes, of: &str) -> Option<Sighting> {
    let mut devices = notes.devices.iter();
    let found = devices.find(|(device, _)| *device == name(of));
    found.map(|(_, note)| Sighting::begin(note))
}

#[test]
fn devices_that_stay_present_are_in_no_note_and_each_minute_tells_that_the_hub_runs() {
    let mut f = Fixture::new();
    let first = f.written();
    assert_eq!((first.begun, first.devices.len()), (Some(f.now.wall), 0));
    assert_eq!(f.due_in(), Some(Duration::from_secs(60)));
    f.joined(1, "cam");
    f.joined(2, "uav");
    assert_eq!(f.due_in(), Some(Duration::from_secs(2)));
    f.sleep(2);
    let notes = f.written();
    assert_eq!((notes.begun, notes.devices.len()), (None, 2));
    let cam = sighting(&notes, "cam").unwrap();
    assert!(cam.is_seen && cam.course.is_present);
    for _ in 0..5 {
        assert_eq!(f.due_in(), Some(Duration::from_secs(60)));
        for _ in 0..6 {
            f.sleep(10);
            for session in [1, 2].map(SessionId) {
                f.input(Input::Alive { session });
            }
        }
        let notes = f.written();
        assert_eq!((notes.at, notes.devices.len()), (f.now.wall, 0));
    }
}

#[test]
fn a_device_that_leaves_is_seen_until_then_and_one_with_another_session_still_is() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.attached(2, "cam");
    f.attached(3, "uav");
    let begun = f.now.wall;
    f.written();
    f.sleep(10);
    f.call(1, Request::Leave);
    f.input(Input::Disconnected {
        session: SessionId(3),
    });
    let notes = f.written();
    let cam = notes.devices.iter().find(|(d, _)| *d == name("cam"));
    let (_, cam) = cam.unwrap();
    assert_eq!(cam.is_seen, None, "its other session is there");
    assert!(!cam.change.as_ref().unwrap().1.is_present);
    let uav = sighting(&notes, "uav").unwrap();
    assert_eq!((uav.last, uav.is_seen), (f.now.wall, false));
    assert!(uav.last > begun);
    f.sleep(10);
    f.call(2, Request::Leave);
    let cam = sighting(&f.written(), "cam").unwrap();
    assert_eq!((cam.last, cam.is_seen), (f.now.wall, false));
}

#[test]
fn a_device_that_is_taken_over_was_never_absent() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    f.written();
    f.sleep(10);
    f.joined(2, "cam");
    f.input(Input::Disconnected {
        session: SessionId(1),
    });
    assert_eq!(f.active(), ["cam"]);
    assert_eq!(f.written().devices, []);
}

#[test]
fn notes_that_were_not_written_are_taken_again_with_what_came_since() {
    let mut f = Fixture::new();
    f.joined(1, "cam");
    let joined = f.now.wall;
    let first = f.notes();
    assert_eq!(f.due_in(), None, "one write at a time");
    f.sleep(10);
    f.call(1, Request::Leave);
    f.joined(2, "uav");
    f.hub.sightings_written(false);
    let again = f.written();
    assert_eq!(again.begun, first.begun);
    let cam = sighting(&again, "cam").unwrap();
    assert_eq!((cam.first, cam.last), (joined, f.now.wall));
    assert!(!cam.course.is_present && again.devices.len() == 2);
    assert_eq!(f.written().devices, []);
}

#[test]
fn a_password_shown_without_a_session_is_a_call_and_a_wrong_one_is_none() {
    let mut f = Fixture::new();
    f.written();
    f.show([192, 0, 2, 1], "cam", "wrong");
    f.finish_check();
    assert_eq!(f.written().devices, []);
    f.sleep(30);
    f.show([192, 0, 2, 1], "cam", "right");
    f.finish_check();
    let notes = f.written();
    let cam = sighting(&notes, "cam").unwrap();
    assert_eq!((cam.first, cam.last), (f.now.wall, f.now.wall));
    assert!(!cam.is_seen && !cam.course.is_present);
}

#[test]
fn a_failed_login_and_a_removed_account_leave_no_note() {
    let mut f = Fixture::new();
    f.greeted(1);
    f.login(1, "cam", "wrong").unwrap_err();
    assert_eq!(f.written().devices, []);
    f.joined(2, "uav");
    let key = IdempotencyKey::from_bits(1);
    let order = AccountOrder::Remove {
        with_data: false,
        key,
    };
    let name = name("uav");
    f.operate(AdminRequest::Change { name, order });
    f.store_answers(Ok(StoreReply::Done));
    assert!(f.active().is_empty());
    assert_eq!(f.written().devices, []);
}

#[test]
fn a_clock_that_is_set_back_takes_the_half_hours_ahead_of_it_away() {
    let mut f = Fixture::new();
    let hours = |f: &mut Fixture| {
        let notes = f.written();
        notes.ran.are_ahead_of(f.now.wall)
    };
    f.sleep(3600);
    assert!(!hours(&mut f));
    f.now.wall = WallTime::from_unix_millis(f.now.wall.unix_millis() - 2 * 3_600_000);
    f.pass(Duration::from_secs(1));
    assert!(!hours(&mut f));
}
