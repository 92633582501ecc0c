//! Files of segments stay while somebody who reads beside the hub keeps them.

use std::fs::File;
use std::time::Duration;

use super::Folder;
use crate::suite::*;

/// As a backup or a check does.
fn keep(folder: &Folder) -> File {
    let segments = File::open(folder.path().join("segments")).unwrap();
    segments.lock_shared().unwrap();
    segments
}

async fn until_empty(folder: &Folder) {
    let emptied = async {
        while !folder.files("segments").is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), emptied).await;
    assert!(in_time.is_ok(), "{:?}", folder.files("segments"));
}

#[tokio::test]
async fn a_deleted_file_goes_when_nobody_keeps_it_any_more() {
    let folder = Folder::fresh();
    let store = with_cam(&folder).await;
    for bits in 1..4 {
        upload(&*store, To("cam", 1, bits), Replace, &large(20_000))
            .await
            .unwrap();
    }
    delete(&*store, To("cam", 1, 9)).await.unwrap();
    until_empty(&folder).await;
    upload(&*store, To("cam", 1, 10), Replace, &large(20_000))
        .await
        .unwrap();
    let kept = keep(&folder);
    for bits in 11..14 {
        upload(&*store, To("cam", 1, bits), Replace, &large(20_000))
            .await
            .unwrap();
    }
    delete(&*store, To("cam", 1, 20)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(folder.files("segments").len(), 4);
    drop(kept);
    until_empty(&folder).await;
}

#[tokio::test]
async fn a_hub_that_ends_and_starts_meanwhile_removes_nothing_that_is_kept() {
    let folder = Folder::fresh();
    let store = with_cam(&folder).await;
    upload(&*store, To("cam", 1, 1), Replace, &large(20_000))
        .await
        .unwrap();
    let kept = keep(&folder);
    delete(&*store, To("cam", 1, 2)).await.unwrap();
    drop(store);
    for _ in 0..2 {
        let store = folder.store();
        assert_eq!(folder.files("segments").len(), 1);
        let found = store.reconciliation();
        assert_eq!((found.orphans_moved, found.former_removed), (0, 0));
    }
    let store = folder.store();
    drop(kept);
    until_empty(&folder).await;
    drop(store);
    assert_eq!(folder.store().reconciliation().orphans_moved, 0);
}
