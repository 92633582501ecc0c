//! Merging as the embedded store does it: crash-safe, by the same rules for hashes, without left-overs.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fleetlink_hub::store::sqlite::SqliteStore;
use fleetlink_hub::store::{Store, StoreError};

use super::Folder;
use crate::suite::*;

const CHILD: &str = "FLEETLINK_TEST_KILLED_MERGING";

/// One append: a few kilobytes, so that merged ones are files.
fn piece(n: u128) -> Vec<u8> {
    format!("{n}\n").repeat(600).into_bytes()
}

async fn segments(store: &SqliteStore) -> u64 {
    list(store, "cam", None, 1).await.files[0].segments
}

async fn until_merged(store: &SqliteStore, most: u64) {
    let merging = async {
        while segments(store).await > most {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), merging).await;
    assert!(in_time.is_ok(), "{} segments", segments(store).await);
}

#[tokio::test]
async fn merged_segments_are_files_where_they_are_large_and_leave_nothing() {
    let folder = Folder::fresh();
    drop(with_cam(&folder).await);
    let store = folder.store();
    let mut whole = Vec::new();
    for n in 0..200 {
        upload(&store, To("cam", 1, n), Append, &piece(n))
            .await
            .unwrap();
        whole.extend_from_slice(&piece(n));
    }
    until_merged(&store, 100).await;
    assert_eq!(read(&store, "cam", 1).await.unwrap(), whole);
    let of_file = snapshot(&store, "cam", 1).await.unwrap().segments;
    let large = of_file.iter().filter(|s| s.bytes > 64 * 1024).count();
    assert!(large > 0);
    drop(store);
    assert_eq!(folder.files("segments").len(), large);
    let store = folder.store();
    let found = store.reconciliation();
    assert_eq!((found.orphans_moved, found.former_removed), (0, 0));
    assert_eq!(read(&store, "cam", 1).await.unwrap(), whole);
}

#[tokio::test]
async fn an_earlier_store_of_many_small_segments_is_merged_when_it_is_opened() {
    let folder = Folder::fresh();
    std::fs::create_dir(folder.path().join("segments")).unwrap();
    std::fs::write(folder.path().join("hub.db"), include_bytes!("format-3.db")).unwrap();
    std::fs::write(folder.path().join("segments/101"), large(10_000)).unwrap();
    let store = folder.store();
    until_merged(&store, 50).await;
    let lines = (0..100).map(|n| format!("{n}\n")).collect::<String>();
    assert_eq!(read(&store, "cam", 1).await.unwrap(), lines.as_bytes());
}

#[tokio::test]
async fn a_damaged_segment_is_not_merged_into_a_sound_one() {
    let folder = Folder::fresh();
    drop(with_cam(&folder).await);
    let store = folder.store();
    for n in 0..40 {
        upload(&store, To("cam", 1, n), Append, b"1\n")
            .await
            .unwrap();
    }
    drop(store);
    let database = rusqlite::Connection::open(folder.path().join("hub.db")).unwrap();
    let flip = "UPDATE segments SET body = x'320a' WHERE position = 20";
    assert_eq!(database.execute(flip, []).unwrap(), 1);
    drop(database);
    let store = folder.store();
    for n in 40..300 {
        upload(&store, To("cam", 1, n), Append, b"1\n")
            .await
            .unwrap();
    }
    let refused = read(&store, "cam", 1).await;
    assert!(
        matches!(refused, Err(StoreError::Corrupt(_))),
        "{refused:?}"
    );
    drop(store);
    // Neither by the merger of the next start.
    let store = folder.store();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let refused = read(&store, "cam", 1).await;
    assert!(
        matches!(refused, Err(StoreError::Corrupt(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_kill_in_the_middle_of_merging_loses_nothing() {
    if let Some(path) = std::env::var_os(CHILD) {
        return in_child(Path::new(&path)).await;
    }
    let folder = Folder::fresh();
    drop(with_cam(&folder).await);
    for kill_after in [70, 133, 190] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "sqlite::merging::a_kill_in_the_middle_of_merging_loses_nothing",
            ])
            .arg("--nocapture")
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let answered = lines.filter(|line| line.as_ref().unwrap().starts_with("appended"));
        assert_eq!(answered.take(kill_after).count(), kill_after);
        child.kill().unwrap();
        child.wait().unwrap();

        let store = folder.store();
        assert_eq!(store.reconciliation().damaged, []);
        let appends = store.journal(0, 10_000).await.unwrap().len() as u128;
        let whole: Vec<u8> = (0..appends).flat_map(piece).collect();
        assert_eq!(read(&store, "cam", 1).await.unwrap(), whole);
        assert_eq!(summary_of(&store, "cam", 1).await, Ok(summary(&whole)));
    }
    let store = folder.store();
    until_merged(&store, 150).await;
    let appends = store.journal(0, 10_000).await.unwrap().len() as u128;
    let whole: Vec<u8> = (0..appends).flat_map(piece).collect();
    assert_eq!(read(&store, "cam", 1).await.unwrap(), whole);
}

async fn in_child(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    let begin = store_journal(&store).await;
    for n in begin..begin + 1000 {
        upload(&store, To("cam", 1, n), Append, &piece(n))
            .await
            .unwrap();
        let mut out = std::io::stdout();
        writeln!(out, "appended {n}").unwrap();
        out.flush().unwrap();
    }
}

async fn store_journal(store: &SqliteStore) -> u128 {
    store.journal(0, 10_000).await.unwrap().len() as u128
}
