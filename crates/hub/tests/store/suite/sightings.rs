//! The times at which devices were there, and the devices with all that is known of them.

use std::time::Duration;

use fleetlink_core::{Course, HalfHours, Sighting, SightingNote, SightingNotes};
use fleetlink_hub::store::{DeviceChoice, StoredDevice};

use super::*;

fn at(minutes: u64) -> WallTime {
    AT.later(Duration::from_secs(minutes * 60))
}

fn notes(minutes: u64, devices: &[(&str, SightingNote)]) -> SightingNotes {
    let mut ran = HalfHours::default();
    ran.mark(AT, at(minutes));
    SightingNotes {
        at: at(minutes),
        begun: None,
        ran,
        devices: devices
            .iter()
            .map(|(device, note)| (name(device), note.clone()))
            .collect(),
    }
}

fn joined(minutes: u64) -> SightingNote {
    changed(true, minutes)
}

fn changed(is_present: bool, minutes: u64) -> SightingNote {
    let course = Course {
        is_present,
        since: at(minutes),
        present: HalfHours::default(),
        absent: HalfHours::default(),
    };
    SightingNote {
        is_seen: Some(is_present),
        change: Some((at(minutes), course)),
        ..SightingNote::seen(at(minutes))
    }
}

async fn devices(store: &dyn Store, names: &[&str]) -> Vec<StoredDevice> {
    let names = names.iter().map(|text| name(text)).collect();
    let choice = DeviceChoice::Named(names);
    store.devices(choice).await.unwrap().devices
}

async fn sighting(store: &dyn Store, device: &str) -> Option<Sighting> {
    devices(store, &[device]).await.remove(0).sighting
}

pub(crate) async fn are_kept_and_the_same_when_they_are_written_twice(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    assert_eq!(sighting(&*store, "cam").await, None);
    for _ in 0..2 {
        let both = [("cam", joined(10)), ("nobody", joined(10))];
        store.note_sightings(notes(10, &both)).await.unwrap();
        let left = notes(50, &[("cam", changed(false, 50))]);
        store.note_sightings(left).await.unwrap();
    }
    let mut expected = Sighting::begin(&joined(10));
    expected.add(&changed(false, 50));
    assert_eq!(sighting(&*store, "cam").await, Some(expected.clone()));
    drop(store);
    let store = subject.open();
    assert_eq!(sighting(&*store, "cam").await, Some(expected));
    let known = store.devices(DeviceChoice::Named(Vec::new())).await;
    let mut ran = HalfHours::default();
    ran.mark(AT, at(50));
    assert_eq!(known.unwrap().ran, ran);
}

pub(crate) async fn end_with_the_run_that_saw_them(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    add(&*store, "gone").await.unwrap();
    let both = [("cam", joined(10)), ("gone", changed(false, 10))];
    store.note_sightings(notes(10, &both)).await.unwrap();
    store.note_sightings(notes(70, &[])).await.unwrap();
    let begun = SightingNotes {
        begun: Some(at(200)),
        ran: HalfHours::default(),
        ..notes(200, &[])
    };
    for _ in 0..2 {
        store.note_sightings(begun.clone()).await.unwrap();
    }
    let cam = sighting(&*store, "cam").await.unwrap();
    assert!(!cam.is_seen && !cam.course.is_present);
    assert_eq!((cam.last, cam.course.since), (at(70), at(200)));
    let gone = sighting(&*store, "gone").await.unwrap();
    assert_eq!(gone, Sighting::begin(&changed(false, 10)));
}

pub(crate) async fn go_with_their_account(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let cam = notes(10, &[("cam", joined(10))]);
    store.note_sightings(cam.clone()).await.unwrap();
    let remove = Change::RemoveAccount { name: name("cam") };
    store.execute(StoreCall::Change(remove)).await.unwrap();
    store.note_sightings(cam).await.unwrap();
    assert_eq!(devices(&*store, &["cam"]).await, []);
    add(&*store, "cam").await.unwrap();
    assert_eq!(sighting(&*store, "cam").await, None);
}

pub(crate) async fn do_not_lie_ahead_of_a_clock_that_was_set_back(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let left = [("cam", joined(0)), ("cam", changed(false, 290))];
    store.note_sightings(notes(300, &left)).await.unwrap();
    store.note_sightings(notes(100, &[])).await.unwrap();
    let mut expected = Sighting::begin(&joined(0));
    expected.add(&changed(false, 290));
    expected.forget_after(at(100));
    assert_eq!(sighting(&*store, "cam").await, Some(expected));
    let known = store.devices(DeviceChoice::Named(Vec::new())).await;
    assert!(!known.unwrap().ran.are_ahead_of(at(100)));
}

pub(crate) async fn tell_of_devices_with_their_data_files(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    for other in ["Lamp", "lamp-2", "watch"] {
        add(&*store, other).await.unwrap();
    }
    for (id, text) in [(1, &b"1\n2\n"[..]), (2, b"3\n")] {
        let to = To("cam", id, u128::from(id));
        upload(&*store, to, Append, text).await.unwrap();
    }
    let found = devices(&*store, &["watch", "cam", "nobody", "lamp"]).await;
    let told: Vec<_> = found
        .iter()
        .map(|device| (device.name.as_str(), device.data_files, device.bytes))
        .collect();
    assert_eq!(told, [("watch", 0, 0), ("cam", 2, 6)]);
    assert_eq!(found[0].created, AT);

    let page = async |after: Option<&str>, search: &str, limit| {
        let choice = DeviceChoice::Page {
            after: after.map(name),
            search: search.to_owned(),
            limit,
        };
        let found = store.devices(choice).await.unwrap().devices;
        let names = found.iter().map(|device| device.name.to_string());
        names.collect::<Vec<_>>()
    };
    let all = page(None, "", 10).await;
    assert_eq!(all.len(), 4);
    let mut paged = Vec::new();
    while let [next] = &page(paged.last().map(String::as_str), "", 1).await[..] {
        paged.push(next.clone());
    }
    assert_eq!(paged, all);
    let mut lamps = page(None, "lam", 10).await;
    lamps.sort();
    assert_eq!(lamps, ["Lamp", "lamp-2"]);
    assert_eq!(page(None, "%", 10).await, [""; 0]);
}
