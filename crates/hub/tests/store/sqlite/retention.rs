//! A hub deletes what is beyond the bounds, by a clock that the test sets.

use std::sync::Arc;
use std::time::Duration;

use fleetlink_core::{ChangeKind, ConsoleEvent, Deleter};
use fleetlink_hub::store::sqlite::{OpenError, SqliteStore};
use fleetlink_hub::store::{Retention, Store};
use fleetlink_hub::{HubConfig, start_with_clock};
use fleetlink_proto::WallTime;

use super::Folder;
use crate::suite::*;

/// The time that anything may take before a test fails.
const DEADLINE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Devices' files, the first of which are due after a day.
async fn prepare(folder: &Folder) {
    let store = folder.store();
    for device in ["cam", "uav"] {
        add(&store, device).await.unwrap();
    }
    let later = later(DAY / 2);
    for (bits, (device, id, at)) in (1..).zip([
        ("cam", 1, AT),
        ("uav", 1, AT),
        ("cam", 2, later),
        ("uav", 2, later),
    ]) {
        let to = To(device, id, bits);
        let staged = stage(&store, to.0, to.2, b"1\n2\n").await.unwrap();
        commit_at(&store, to, Append, staged, at).await.unwrap();
    }
}

fn later(time: Duration) -> WallTime {
    let millis = i64::try_from(time.as_millis()).unwrap();
    WallTime::from_unix_millis(AT.unix_millis() + millis)
}

/// Runs a hub at this time until it has deleted so many files; which.
async fn run(folder: &Folder, keep: Retention, now: WallTime, count: usize) -> Vec<(String, u32)> {
    let config = HubConfig {
        plain: true,
        retention: keep,
        ..HubConfig::new("127.0.0.1:0".parse().unwrap(), folder.path())
    };
    let clock = Arc::new(move || now);
    let (hub, mut lines) = start_with_clock(config, clock).await.unwrap();
    let mut removed = Vec::new();
    let look = async {
        while removed.len() < count {
            if let ConsoleEvent::Removed { device, file, by } = lines.recv().await.unwrap().event {
                assert_eq!(by, Deleter::Retention);
                removed.push((device.to_string(), file.number().unwrap()));
            }
        }
    };
    tokio::time::timeout(DEADLINE, look).await.expect("in time");
    hub.close().await;
    // Nothing else was.
    while let Some(line) = lines.recv().await {
        assert!(!matches!(line.event, ConsoleEvent::Removed { .. }));
    }
    removed
}

/// The store, once the last part of the hub has let it go.
async fn freed(folder: &Folder) -> SqliteStore {
    let opening = async {
        loop {
            match SqliteStore::open(folder.path()) {
                Err(OpenError::InUse(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                opened => return opened.unwrap(),
            }
        }
    };
    tokio::time::timeout(DEADLINE, opening)
        .await
        .expect("in time")
}

async fn left(folder: &Folder) -> Vec<(String, u32)> {
    let store = freed(folder).await;
    let files = store.files(None, None, 100).await.unwrap();
    let files = files.into_iter();
    let place = files.map(|(device, record)| {
        let number = record.entry.file.number().unwrap();
        (device.to_string(), number)
    });
    place.collect()
}

fn named(files: &[(&str, u32)]) -> Vec<(String, u32)> {
    let files = files.iter();
    files.map(|(name, id)| ((*name).to_owned(), *id)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_old_by_the_hub_s_clock_goes_and_is_named() {
    let folder = Folder::fresh();
    prepare(&folder).await;
    let keep = Retention {
        data_age: Some(DAY),
        ..Retention::default()
    };
    assert_eq!(run(&folder, keep.clone(), later(DAY), 0).await, []);
    assert_eq!(left(&folder).await.len(), 4);
    let now = later(DAY + Duration::from_millis(1));
    let removed = run(&folder, keep, now, 2).await;
    assert_eq!(removed, named(&[("cam", 1), ("uav", 1)]));
    assert_eq!(left(&folder).await, named(&[("cam", 2), ("uav", 2)]));
    let journal = freed(&folder).await.journal(4, 10).await.unwrap();
    assert_eq!(journal.len(), 2);
    for change in journal {
        assert_eq!(change.kind, ChangeKind::Delete(Deleter::Retention));
        assert_eq!((change.at, change.samples), (now, 2));
    }
    let log = std::fs::read_to_string(folder.path().join("deletion-log.txt")).unwrap();
    assert_eq!(log.matches("; 1; 2; by retention\n").count(), 2, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_deleted_keeps_no_other_one() {
    let folder = Folder::fresh();
    prepare(&folder).await;
    let database = rusqlite::Connection::open(folder.path().join("hub.db")).unwrap();
    let damage = "UPDATE files SET summary = x'00' WHERE device = 'cam' AND file = 1";
    assert_eq!(database.execute(damage, ()).unwrap(), 1);
    drop(database);
    let keep = Retention {
        data_age: Some(DAY),
        ..Retention::default()
    };
    let now = later(DAY + Duration::from_millis(1));
    assert_eq!(run(&folder, keep, now, 1).await, named(&[("uav", 1)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_too_many_bytes_those_that_changed_first_go() {
    let folder = Folder::fresh();
    prepare(&folder).await;
    let keep = Retention {
        data_bytes: Some(7),
        ..Retention::default()
    };
    let removed = run(&folder, keep, later(DAY), 3).await;
    assert_eq!(removed, named(&[("cam", 1), ("uav", 1), ("cam", 2)]));
    assert_eq!(left(&folder).await, named(&[("uav", 2)]));
}

#[tokio::test]
async fn a_damaged_row_is_kept_and_keeps_no_other_file() {
    for damage in [
        "version = -1",
        "bytes = -1",
        "file = 'a//b'",
        "file = -7",
        "device = cast(x'01ff' AS TEXT)",
        "device = 'no name'",
        "version = -1, bytes = 1000000",
    ] {
        let folder = Folder::fresh();
        prepare(&folder).await;
        let database = rusqlite::Connection::open(folder.path().join("hub.db")).unwrap();
        let foreign = "PRAGMA foreign_keys = OFF";
        database.execute_batch(foreign).unwrap();
        let row = format!("UPDATE files SET {damage} WHERE device = 'cam' AND file = 1");
        assert_eq!(database.execute(&row, []).unwrap(), 1, "{damage}");
        drop(database);
        let store = &folder.store();
        let found = |keep| async move {
            let found = store.surplus(later(2 * DAY), keep, 100).await;
            let found = found.unwrap_or_else(|error| panic!("{damage}: {error:?}"));
            let names = found
                .into_iter()
                .map(|f| (f.device.to_string(), f.file.number()));
            names.collect::<Vec<_>>()
        };
        let old = Retention {
            data_age: Some(DAY),
            ..Retention::default()
        };
        let name = |device: &str, file| (device.to_owned(), Some(file));
        // A file of unknown size is deleted like any other.
        let is_kept = damage != "bytes = -1";
        let mut all = vec![
            name("cam", 1),
            name("uav", 1),
            name("cam", 2),
            name("uav", 2),
        ];
        all.drain(..usize::from(is_kept));
        assert_eq!(found(old).await, all, "{damage}");
        // Its bytes, which cannot go, are not taken from other files.
        let full = Retention {
            data_bytes: Some(12),
            ..Retention::default()
        };
        assert_eq!(found(full).await, [], "{damage}");
        let less = Retention {
            data_bytes: Some(8),
            ..Retention::default()
        };
        assert_eq!(found(less).await.first(), all.first(), "{damage}");
    }
}
