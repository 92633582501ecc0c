//! Restores from a backup that lacks something: nothing that was acknowledged is removed, and what is
//! missing is named.

use std::fs;
use std::path::{Path, PathBuf};

use fleetlink_hub::store::sqlite::{OpenError, SqliteStore};

use super::Folder;
use crate::suite::*;

fn refusal(folder: &Folder) -> OpenError {
    SqliteStore::open(folder.path()).map(|_| ()).unwrap_err()
}

/// The files moved aside, by name.
fn orphaned(folder: &Folder) -> Vec<PathBuf> {
    let mut files = folder.files("segments/orphaned");
    files.sort();
    files
}

#[tokio::test]
async fn an_older_database_leaves_newer_segments_alone() {
    let folder = Folder::fresh();
    let (old, new, other) = (large(20_000), large(25_000), large(30_000));
    let store = with_cam(&folder).await;
    upload(&*store, To("cam", 1, 1), Replace, &old)
        .await
        .unwrap();
    drop(store);
    let backup = fs::read(folder.path().join("hub.db")).unwrap();
    for round in 0..2_u128 {
        let store = folder.store();
        upload(&store, To("cam", 2, 2 + round), Replace, &new)
            .await
            .unwrap();
        drop(store);
        fs::write(folder.path().join("hub.db"), &backup).unwrap();
    }
    let store = folder.store();
    assert_eq!(store.reconciliation().orphans_moved, 1);
    let moved = orphaned(&folder);
    assert_eq!(moved.len(), 2, "{moved:?}");
    for path in &moved {
        assert_eq!(fs::read(path).unwrap(), new);
    }
    // Numbers go on behind those that were moved: nothing is written over.
    upload(&store, To("cam", 3, 9), Replace, &other)
        .await
        .unwrap();
    drop(store);
    fs::write(folder.path().join("hub.db"), &backup).unwrap();
    let store = folder.store();
    assert_eq!(orphaned(&folder).len(), 3);
    assert_eq!(read(&store, "cam", 1).await.unwrap(), old);
}

#[tokio::test]
async fn a_database_without_its_log_leaves_the_segments_of_the_log_alone() {
    let folder = Folder::fresh();
    let text = large(20_000);
    let copy = Folder::fresh();
    drop(with_cam(&folder).await);
    let store = folder.store();
    upload(&store, To("cam", 1, 1), Replace, &text)
        .await
        .unwrap();
    // As a backup of a hub that runs, which passed over the log.
    copy_all_but_the_log(folder.path(), copy.path());
    drop(store);
    let store = copy.store();
    assert_eq!(store.reconciliation().orphans_moved, 1);
    assert_eq!(fs::read(&orphaned(&copy)[0]).unwrap(), text);
}

fn copy_all_but_the_log(from: &Path, to: &Path) {
    fs::create_dir(to.join("segments")).unwrap();
    fs::copy(from.join("hub.db"), to.join("hub.db")).unwrap();
    for entry in fs::read_dir(from.join("segments")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join("segments").join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn segments_that_an_older_database_names_are_named_where_they_are_gone() {
    let folder = Folder::fresh();
    let store = with_cam(&folder).await;
    upload(&*store, To("cam", 1, 1), Replace, &large(20_000))
        .await
        .unwrap();
    drop(store);
    let backup = fs::read(folder.path().join("hub.db")).unwrap();
    let store = folder.store();
    delete(&store, To("cam", 1, 2)).await.unwrap();
    drop(store);
    fs::write(folder.path().join("hub.db"), &backup).unwrap();
    let store = folder.store();
    let [damaged] = &store.reconciliation().damaged[..] else {
        panic!("{:?}", store.reconciliation());
    };
    assert_eq!(
        (&damaged.device, damaged.file.clone()),
        (&name("cam"), file(1))
    );
    assert_eq!(damaged.found, None);
}

#[tokio::test]
async fn a_database_that_is_missing_or_empty_is_an_error_that_says_what_to_do() {
    for beside in ["hub.key", "segments", "hub.db-wal"] {
        for empty in [false, true] {
            let folder = Folder::fresh();
            let store = with_cam(&folder).await;
            if beside == "segments" {
                upload(&*store, To("cam", 1, 1), Replace, &large(20_000))
                    .await
                    .unwrap();
            }
            drop(store);
            if beside != "segments" {
                fs::write(folder.path().join(beside), "of the store before").unwrap();
            }
            let database = folder.path().join("hub.db");
            let saved = fs::read(&database).unwrap();
            fs::remove_file(&database).unwrap();
            if empty {
                fs::write(&database, "").unwrap();
            }
            for _ in 0..2 {
                let refused = refusal(&folder);
                assert!(
                    matches!(refused, OpenError::DatabaseMissing { .. }),
                    "{refused}"
                );
                let message = refused.to_string();
                assert!(message.contains(beside), "{message}");
                assert!(message.contains("restore hub.db"), "{message}");
                assert_eq!(database.exists(), empty, "nothing is made");
                if beside == "hub.db-wal" {
                    assert!(folder.path().join(beside).exists());
                }
            }
            fs::write(&database, saved).unwrap();
            if beside != "hub.db-wal" {
                folder.store();
            }
        }
    }
}

#[tokio::test]
async fn a_former_segment_goes_and_another_one_under_its_number_stays() {
    let former = large(20_000);
    let mut other = former.clone();
    other[0] = b'2';
    for (bytes, removed) in [(&former, 1), (&other, 0)] {
        let folder = Folder::fresh();
        let store = with_cam(&folder).await;
        upload(&*store, To("cam", 1, 1), Replace, &former)
            .await
            .unwrap();
        let segment = folder.files("segments").remove(0);
        delete(&*store, To("cam", 1, 2)).await.unwrap();
        drop(store);
        // As after a crash before the file went; or its number is that of another store's segment.
        fs::write(&segment, bytes).unwrap();
        note_former(&folder, &segment, &former);
        let store = folder.store();
        let found = store.reconciliation();
        assert_eq!(found.former_removed, removed);
        assert_eq!(found.orphans_moved, 1 - removed);
        assert!(!segment.exists());
    }
}

fn note_former(folder: &Folder, segment: &Path, bytes: &[u8]) {
    let database = rusqlite::Connection::open(folder.path().join("hub.db")).unwrap();
    let id: u64 = segment
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let hash = fleetlink_proto::ContentHash::of(bytes);
    let insert = "INSERT OR REPLACE INTO former_segments (id, bytes, hash) VALUES (?1, ?2, ?3)";
    let values = rusqlite::params![id, bytes.len() as u64, hash.as_bytes()];
    database.execute(insert, values).unwrap();
}
