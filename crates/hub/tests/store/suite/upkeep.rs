//! Data that are removed after some time.

use std::time::Duration;

use fleetlink_hub::store::{RetainRule, Retention};
use fleetlink_proto::control::limits::PARTIAL_UPLOAD_KEPT;

use super::*;

const ALL: Retention = Retention {
    journal_age: None,
    journal_changes: None,
    data_age: None,
    rules: Vec::new(),
    data_bytes: None,
    audit_age: None,
    audit_events: None,
};

fn after(time: Duration) -> WallTime {
    let millis = i64::try_from(time.as_millis()).unwrap();
    WallTime::from_unix_millis(AT.unix_millis() + millis)
}

fn now() -> Duration {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap()
}

fn wall(since_epoch: Duration) -> WallTime {
    WallTime::from_unix_millis(i64::try_from(since_epoch.as_millis()).unwrap())
}

/// A store may keep nothing of an interrupted upload; nothing is kept for longer than is promised.
pub(crate) async fn removes_old_interrupted_uploads(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    let mut staging = begin(&*store, "cam", 1).await.unwrap();
    staging.write(&large(20_000)).unwrap();
    drop(staging);
    let held = begin(&*store, "cam", 1).await.unwrap().held();
    store.tend(wall(now()), ALL).await.unwrap();
    let kept = begin(&*store, "cam", 1).await.unwrap().held();
    assert_eq!(kept, held);
    let later = now() + PARTIAL_UPLOAD_KEPT + Duration::from_secs(60);
    store.tend(wall(later), ALL).await.unwrap();
    let kept = begin(&*store, "cam", 1).await.unwrap().held();
    assert_eq!(kept, 0);
}

pub(crate) async fn keeps_the_journal_without_bounds(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    for bits in 0..20 {
        upload(&*store, To("cam", 1, bits), Append, b"1\n")
            .await
            .unwrap();
    }
    let later = after(Duration::from_secs(10 * 365 * 24 * 3600));
    store.tend(later, ALL).await.unwrap();
    assert_eq!(store.journal(0, 100).await.unwrap().len(), 20);
}

pub(crate) async fn bounds_the_journal_by_age_and_number(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    for bits in 0..20 {
        upload(&*store, To("cam", 1, bits), Append, b"1\n")
            .await
            .unwrap();
    }
    let seven = Retention {
        journal_changes: Some(7),
        ..ALL
    };
    store.tend(AT, seven).await.unwrap();
    let left = store.journal(0, 100).await.unwrap();
    let sequences: Vec<_> = left.iter().map(|change| change.sequence).collect();
    assert_eq!(sequences, (14..=20).collect::<Vec<_>>());
    // The file has all of it, and its version goes on.
    assert_eq!(summary_of(&*store, "cam", 1).await.unwrap().count(), 20);
    assert_eq!(find_receipt(&*store, "cam", 3).await, Ok(None));
    assert!(find_receipt(&*store, "cam", 15).await.unwrap().is_some());

    let day = Duration::from_secs(24 * 3600);
    let a_day = Retention {
        journal_age: Some(day),
        ..ALL
    };
    store.tend(after(day), a_day.clone()).await.unwrap();
    assert_eq!(store.journal(0, 100).await.unwrap().len(), 7);
    store
        .tend(after(day + Duration::from_secs(1)), a_day)
        .await
        .unwrap();
    assert_eq!(store.journal(0, 100).await.unwrap(), []);
    drop(store);
    let store = subject.open();
    let receipt = upload(&*store, To("cam", 1, 99), Append, b"1\n").await;
    assert_eq!(receipt.unwrap().version.get(), 21);
}

/// Three files of 2, 4 and 6 bytes, each changed an hour after the one before.
async fn three_files(store: &dyn Store) {
    for (hours, (device, id, text)) in (0..).zip([
        ("cam", 1, &b"1\n"[..]),
        ("uav", 1, b"1\n2\n"),
        ("cam", 2, b"1\n2\n3\n"),
    ]) {
        let to = To(device, id, u128::from(hours));
        let staged = stage(store, to.0, to.2, text).await.unwrap();
        let at = after(HOUR * hours);
        commit_at(store, to, Append, staged, at).await.unwrap();
    }
}

const HOUR: Duration = Duration::from_secs(3600);

async fn surplus_of(store: &dyn Store, now: WallTime, keep: Retention) -> Vec<(String, u32)> {
    let found = store.surplus(now, keep, 100).await.unwrap();
    let place = |file: fleetlink_hub::store::SurplusFile| {
        (file.device.to_string(), file.file.number().unwrap())
    };
    found.into_iter().map(place).collect()
}

pub(crate) async fn finds_the_oldest_files_beyond_the_bounds(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    add(&*store, "uav").await.unwrap();
    three_files(&*store).await;
    let all = [("cam", 1), ("uav", 1), ("cam", 2)].map(|(name, id)| (name.to_owned(), id));
    let late = after(HOUR * 1000);
    assert_eq!(surplus_of(&*store, late, ALL).await, []);
    for (bytes, files) in [(12, 0), (11, 1), (10, 1), (9, 2), (6, 2), (5, 3), (0, 3)] {
        let keep = Retention {
            data_bytes: Some(bytes),
            ..ALL
        };
        assert_eq!(
            surplus_of(&*store, late, keep.clone()).await,
            all[..files],
            "{bytes}"
        );
        let first = store.surplus(late, keep, 1).await.unwrap();
        assert_eq!(first.len(), files.min(1));
    }
    let age = Retention {
        data_age: Some(HOUR * 10),
        ..ALL
    };
    for (hours, files) in [(10, 0), (11, 1), (12, 2), (13, 3), (1000, 3)] {
        let found = surplus_of(&*store, after(HOUR * hours), age.clone()).await;
        assert_eq!(found, all[..files], "{hours}");
    }
    // What goes by its age makes room, and what is changed is young again.
    let both = Retention {
        data_bytes: Some(10),
        ..age
    };
    assert_eq!(surplus_of(&*store, after(HOUR * 11), both).await, all[..1]);
    let to = To("cam", 1, 50);
    let staged = stage(&*store, to.0, to.2, b"9\n").await.unwrap();
    commit_at(&*store, to, Append, staged, after(HOUR * 5))
        .await
        .unwrap();
    let order = [all[1].clone(), all[2].clone(), all[0].clone()];
    let none = Retention {
        data_bytes: Some(0),
        ..ALL
    };
    assert_eq!(surplus_of(&*store, late, none).await, order);
}

pub(crate) async fn keeps_files_by_the_first_rule_that_matches(subject: &dyn Subject) {
    let store = with_cam(subject).await;
    add(&*store, "uav").await.unwrap();
    three_files(&*store).await;
    let rule = |pattern: &str, age: Option<u32>| RetainRule {
        pattern: pattern.parse().unwrap(),
        age: age.map(|hours| HOUR * hours),
    };
    let (first, of_uav, second) = (("cam", 1), ("uav", 1), ("cam", 2));
    // They were changed at the hours 0, 1 and 2; it is hour 20.
    for (data_age, rules, expected) in [
        (None, vec![], vec![]),
        (None, vec![rule("1", Some(5))], vec![first, of_uav]),
        (None, vec![rule("cam:1", Some(5))], vec![first]),
        (None, vec![rule("*", Some(19))], vec![first]),
        (Some(5), vec![], vec![first, of_uav, second]),
        (Some(5), vec![rule("1", None)], vec![second]),
        (Some(5), vec![rule("uav:*", Some(100))], vec![first, second]),
        (Some(100), vec![rule("2", Some(5))], vec![second]),
        (
            None,
            vec![rule("1", None), rule("*", Some(5))],
            vec![second],
        ),
        (
            None,
            vec![rule("*", Some(5)), rule("1", None)],
            vec![first, of_uav, second],
        ),
    ] {
        let keep = Retention {
            data_age: data_age.map(|hours: u32| HOUR * hours),
            rules,
            ..ALL
        };
        let found = surplus_of(&*store, after(HOUR * 20), keep.clone()).await;
        let expected = expected.iter().map(|(name, id)| ((*name).to_owned(), *id));
        assert_eq!(found, expected.collect::<Vec<_>>(), "{keep:?}");
        let one = store.surplus(after(HOUR * 20), keep, 1).await.unwrap();
        assert_eq!(one.len(), found.len().min(1));
    }
}
