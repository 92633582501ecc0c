//! What goes with time.

use std::time::Duration;

use fleetlink_hub::store::Retention;
use fleetlink_proto::control::limits::PARTIAL_UPLOAD_KEPT;

use super::*;

const ALL: Retention = Retention {
    journal_age: None,
    journal_changes: None,
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
    let mut staging = store.stage(name("cam"), key(1)).await.unwrap();
    staging.write(&large(20_000)).unwrap();
    drop(staging);
    let held = store.stage(name("cam"), key(1)).await.unwrap().held();
    store.tend(wall(now()), ALL).await.unwrap();
    let kept = store.stage(name("cam"), key(1)).await.unwrap().held();
    assert_eq!(kept, held);
    let later = now() + PARTIAL_UPLOAD_KEPT + Duration::from_secs(60);
    store.tend(wall(later), ALL).await.unwrap();
    let kept = store.stage(name("cam"), key(1)).await.unwrap().held();
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
    store.tend(after(day), a_day).await.unwrap();
    assert_eq!(store.journal(0, 100).await.unwrap().len(), 7);
    store
        .tend(after(day + Duration::from_secs(1)), a_day)
        .await
        .unwrap();
    assert_eq!(store.journal(0, 100).await.unwrap(), []);
    drop(store);
    let store = subject.open();
    let receipt = upload(&*store, To("cam", 1, 99), Append, b"1\n").await;
    assert_eq!(receipt.unwrap().version, 21);
}
