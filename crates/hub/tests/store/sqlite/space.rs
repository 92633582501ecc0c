//! Room that is freed comes back.

use std::fs;
use std::time::Duration;

use fleetlink_hub::store::StoreError;
use fleetlink_hub::store::sqlite::SqliteStore;
use fleetlink_testkit::{run_on_small_disk, small_disk};

use super::Folder;
use crate::suite::*;

/// The content of a row: 56 KB.
fn inline() -> Vec<u8> {
    large(8_000)
}

fn size(path: &std::path::Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

async fn fill(store: &SqliteStore, files: u32) {
    for id in 0..files {
        upload(store, To("cam", id, id.into()), Replace, &inline())
            .await
            .unwrap();
    }
}

async fn delete_all(store: &SqliteStore, files: u32) {
    for id in 0..files {
        let key = u128::from(id) + 100_000;
        delete(store, To("cam", id, key)).await.unwrap();
    }
}

async fn until_smaller(folder: &Folder, bytes: u64) {
    let database = folder.path().join("hub.db");
    let shrinking = async {
        while size(&database) > bytes {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), shrinking).await;
    assert!(in_time.is_ok(), "{} bytes", size(&database));
}

#[tokio::test]
async fn a_database_gets_smaller_after_deletions() {
    let folder = Folder::fresh();
    drop(with_cam(&folder).await);
    let store = folder.store();
    fill(&store, 200).await;
    drop(store);
    assert!(size(&folder.path().join("hub.db")) > 11_000_000);
    let store = folder.store();
    delete_all(&store, 200).await;
    until_smaller(&folder, 3_000_000).await;
    drop(store);
    assert_eq!(size(&folder.path().join("hub.db-wal")), 0);
}

#[tokio::test]
async fn what_an_earlier_run_left_unused_comes_back_at_the_start() {
    let folder = Folder::fresh();
    drop(with_cam(&folder).await);
    let store = folder.store();
    fill(&store, 100).await;
    drop(store);
    let database = rusqlite::Connection::open(folder.path().join("hub.db")).unwrap();
    let delete = "DELETE FROM segments; DELETE FROM files";
    database.execute_batch(delete).unwrap();
    drop(database);
    assert!(size(&folder.path().join("hub.db")) > 5_000_000);
    let _store = folder.store();
    until_smaller(&folder, 2_000_000).await;
}

#[tokio::test]
async fn the_log_of_a_large_transaction_does_not_stay_long() {
    let folder = Folder::fresh();
    let store = with_cam(&folder).await;
    // Staged first, so that they are committed together.
    let mut staged = Vec::new();
    for n in 0..500_u32 {
        let key = u128::from(n);
        staged.push((n, stage(&*store, "cam", key, &inline()).await.unwrap()));
    }
    let commits: Vec<_> = staged
        .into_iter()
        .map(|(n, staged)| {
            let store = std::sync::Arc::clone(&store);
            let to = To("cam", n, n.into());
            tokio::spawn(async move { commit(&*store, to, Replace, staged).await })
        })
        .collect();
    for commit in commits {
        commit.await.unwrap().unwrap();
    }
    let log = folder.path().join("hub.db-wal");
    let shrinking = async {
        while size(&log) > 16 << 20 {
            add(&*store, "cam").await.unwrap_err();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), shrinking).await;
    assert!(in_time.is_ok(), "{} bytes", size(&log));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_the_database_has_filled_takes_uploads_again_after_deletions() {
    if let Some(path) = small_disk() {
        return in_child(&path).await;
    }
    let folder = Folder::fresh();
    run_on_small_disk(
        "sqlite::space::a_disk_that_the_database_has_filled_takes_uploads_again_after_deletions",
        "16m",
        folder.path(),
    );
}

async fn in_child(path: &std::path::Path) {
    let path = path.join("data");
    let mut store = SqliteStore::open(&path).unwrap();
    add(&store, "cam").await.unwrap();
    for round in 0..3_u128 {
        let mut files = 0;
        loop {
            let key = round * 1_000_000 + u128::from(files);
            match upload(&store, To("cam", files, key), Replace, &inline()).await {
                Ok(_) => files += 1,
                Err(error) => {
                    assert_eq!(error, StoreError::Full);
                    break;
                }
            }
        }
        assert!(files > 100, "round {round}: {files}");
        for id in 0..files {
            let key = round * 1_000_000 + 100_000 + u128::from(id);
            delete(&store, To("cam", id, key)).await.unwrap();
        }
        if round == 1 {
            drop(store);
            store = SqliteStore::open(&path).unwrap();
        }
        // Small ones, and such as need room beside the database.
        let key = round * 1_000_000 + 900_000;
        upload(&store, To("cam", 1, key), Replace, &inline())
            .await
            .unwrap();
        upload_when_there_is_room(&store, key + 1).await;
        delete(&store, To("cam", 1, key + 2)).await.unwrap();
        delete(&store, To("cam", 2, key + 3)).await.unwrap();
    }
}

/// The room comes back in the background.
async fn upload_when_there_is_room(store: &SqliteStore, key: u128) {
    let uploading = async {
        while let Err(error) = upload(store, To("cam", 2, key), Replace, &large(1_000_000)).await {
            assert_eq!(error, StoreError::Full);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), uploading)
        .await
        .expect("room comes back");
}

#[tokio::test]
async fn a_database_of_an_earlier_version_is_rewritten_once() {
    let folder = Folder::fresh();
    fs::write(folder.path().join("hub.db"), include_bytes!("format-3.db")).unwrap();
    let mode = |folder: &Folder| -> u64 {
        let database = rusqlite::Connection::open(folder.path().join("hub.db")).unwrap();
        let mode = database.pragma_query_value(None, "auto_vacuum", |row| row.get(0));
        mode.unwrap()
    };
    assert_eq!(mode(&folder), 0);
    drop(folder.store());
    assert_eq!(mode(&folder), 2);
    assert!(!folder.path().join("hub.db.new").exists());
    assert_eq!(list(&folder.store(), "cam", None, 10).await.files.len(), 2);
}
