//! The traces of a crash, and the data that survive it.

use std::fs::{self, File};
use std::time::SystemTime;

use fleetlink_hub::store::Store;
use fleetlink_hub::store::sqlite::PARTIALS_PER_DEVICE;
use fleetlink_proto::control::limits::PARTIAL_UPLOAD_KEPT;

use super::Folder;
use crate::suite::*;

#[tokio::test]
async fn what_was_staged_but_not_committed_is_moved_aside() {
    let folder = Folder::fresh();
    let store = with_cam(&folder).await;
    stage(&*store, "cam", 1, &large(20_000)).await.unwrap();
    stage(&*store, "cam", 2, b"1\n").await.unwrap();
    assert_eq!(folder.files("segments").len(), 1);
    drop(store);
    fs::write(folder.path().join("segments/notes.txt"), "mine").unwrap();
    let store = folder.store();
    assert_eq!(store.reconciliation().orphans_moved, 1);
    assert_eq!(store.reconciliation().damaged, []);
    // Only what is the store's own.
    assert!(folder.path().join("segments/notes.txt").exists());
    assert_eq!(folder.files("segments").len(), 2);
    assert_eq!(folder.files("segments/orphaned").len(), 1);
    assert_eq!(list(&store, "cam", None, 10).await.files, []);
}

#[tokio::test]
async fn files_of_former_segments_go_after_the_commit() {
    let folder = Folder::fresh();
    let big = large(20_000);
    let store = with_cam(&folder).await;
    upload(&*store, To("cam", 1, 1), Replace, &big)
        .await
        .unwrap();
    upload(&*store, To("cam", 1, 2), Append, &big)
        .await
        .unwrap();
    upload(&*store, To("cam", 2, 3), Append, &big)
        .await
        .unwrap();
    assert_eq!(folder.files("segments").len(), 3);
    upload(&*store, To("cam", 1, 4), Replace, &big)
        .await
        .unwrap();
    // An upload that was sent twice.
    upload(&*store, To("cam", 1, 4), Replace, &big)
        .await
        .unwrap();
    delete(&*store, To("cam", 2, 5)).await.unwrap();
    let discarded = stage(&*store, "cam", 6, &big).await.unwrap();
    store.discard(discarded.id).await.unwrap();
    drop(store);
    assert_eq!(folder.files("segments").len(), 1);
    assert_eq!(folder.store().reconciliation().orphans_moved, 0);
}

#[tokio::test]
async fn ids_of_segments_are_never_used_again() {
    let folder = Folder::fresh();
    drop(with_cam(&folder).await);
    let mut last = 0;
    for round in 0..3 {
        let store = folder.store();
        upload(&store, To("cam", 1, round), Replace, b"1\n")
            .await
            .unwrap();
        let id = snapshot(&store, "cam", 1).await.unwrap().segments[0].id;
        assert!(id > last);
        last = id;
        delete(&store, To("cam", 1, 100 + round)).await.unwrap();
    }
}

async fn interrupt(store: &dyn Store, device: &str, bits: u128) {
    let mut staging = begin(store, device, bits).await.unwrap();
    staging.write(&large(20_000)).unwrap();
}

#[tokio::test]
async fn interrupted_uploads_are_kept_for_a_day() {
    let folder = Folder::fresh();
    let store = folder.store();
    interrupt(&store, "cam", 1).await;
    let held = begin(&store, "cam", 1).await.unwrap().held();
    assert_eq!(held, 140_000);
    drop(store);
    fs::write(folder.path().join("partial/notes.txt"), "mine").unwrap();
    let store = folder.store();
    assert_eq!(store.reconciliation().partials_kept, 1);
    drop(store);
    let partial = folder.files("partial");
    let partial = partial
        .iter()
        .find(|path| !path.ends_with("notes.txt"))
        .unwrap();
    let partial = File::options().write(true).open(partial).unwrap();
    partial
        .set_modified(SystemTime::now() - PARTIAL_UPLOAD_KEPT * 2)
        .unwrap();
    let store = folder.store();
    let found = store.reconciliation();
    assert_eq!((found.partials_kept, found.partials_removed), (0, 1));
    assert_eq!(folder.files("partial").len(), 1);
    assert_eq!(begin(&store, "cam", 1).await.unwrap().held(), 0);
}

#[tokio::test]
async fn a_device_leaves_only_so_many() {
    let folder = Folder::fresh();
    let store = folder.store();
    interrupt(&store, "other", 0).await;
    for bits in 0..PARTIALS_PER_DEVICE as u128 + 3 {
        interrupt(&store, "cam", bits).await;
    }
    assert_eq!(folder.files("partial").len(), PARTIALS_PER_DEVICE + 1);
    let held = |bits| async move {
        let store = folder.store();
        begin(&store, "cam", bits).await.unwrap().held()
    };
    drop(store);
    // The youngest is there.
    assert_eq!(held(PARTIALS_PER_DEVICE as u128 + 2).await, 140_000);
}

#[tokio::test]
async fn small_ones_are_not_kept() {
    let folder = Folder::fresh();
    let store = folder.store();
    let mut staging = begin(&store, "cam", 1).await.unwrap();
    staging.write(b"1\n").unwrap();
    drop(staging);
    assert_eq!(folder.files("partial").len(), 0);
    assert_eq!(begin(&store, "cam", 1).await.unwrap().held(), 0);
}
