//! A full disk: a clear error, nothing half done, reads go on, and it works again once there is
//! room. The disk is a small tmpfs, mounted where only this test sees it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fleetlink_hub::store::sqlite::SqliteStore;
use fleetlink_hub::store::{Store, StoreError};

use super::Folder;
use crate::suite::*;
use fleetlink_testkit::{run_on_small_disk, small_disk};

#[cfg(target_os = "linux")]
#[tokio::test]
async fn is_recovered_from_without_help() {
    if let Some(path) = small_disk() {
        return in_child(&path).await;
    }
    let folder = Folder::fresh();
    run_on_small_disk(
        "sqlite::disk_full::is_recovered_from_without_help",
        "8m",
        folder.path(),
    );
}

async fn in_child(path: &Path) {
    let store = Arc::new(SqliteStore::open(&path.join("data")).unwrap());
    add(&*store, "cam").await.unwrap();
    upload(&*store, To("cam", 1, 1), Replace, &large(20_000))
        .await
        .unwrap();

    // Larger than the disk: what was written of it goes, so the rest of the hub is not starved.
    assert_eq!(
        stage(&*store, "cam", 2, &large(2_000_000)).await,
        Err(StoreError::Full)
    );
    assert_eq!(fs::read_dir(path.join("data/partial")).unwrap().count(), 0);
    upload(&*store, To("cam", 2, 3), Replace, &large(20_000))
        .await
        .unwrap();

    let filler = path.join("filler");
    fs::write(&filler, vec![0; 8 << 20]).unwrap_err();
    commits_are_refused(&store).await;
    assert_eq!(read(&*store, "cam", 1).await.unwrap(), large(20_000));
    assert_eq!(store.journal(0, 100).await.unwrap().len(), 2);

    // To delete is what a device can do about it. What it frees is there for others.
    delete(&*store, To("cam", 1, 30)).await.unwrap();
    assert_eq!(store.journal(0, 100).await.unwrap().len(), 3);
    fs::remove_file(filler).unwrap();
    for bits in 10..20 {
        upload(&*store, To("cam", 3, bits), Append, &large(5_000))
            .await
            .unwrap();
    }
    drop(store);
    let store = SqliteStore::open(&path.join("data")).unwrap();
    assert_eq!(store.reconciliation().orphans_moved, 0);
    assert_eq!(summary_of(&store, "cam", 3).await.unwrap().count(), 50_000);
}

/// Many at once, so that some share a transaction; each is told so.
async fn commits_are_refused(store: &Arc<SqliteStore>) {
    let uploads: Vec<_> = (10..30)
        .map(|bits| {
            let store = Arc::clone(store);
            let text = large(5_000);
            tokio::spawn(async move { upload(&*store, To("cam", 3, bits), Append, &text).await })
        })
        .collect();
    for upload in uploads {
        assert_eq!(upload.await.unwrap(), Err(StoreError::Full));
    }
    assert_eq!(
        snapshot(&**store, "cam", 3).await,
        Err(StoreError::NotFound)
    );
}
