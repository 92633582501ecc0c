//! A hub starts on a full disk, so that something can be deleted, and its log files follow once
//! there is room. The disk is a small tmpfs, mounted where only this test sees it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::{EARLIER, UPLOAD_LOG, config, start};
use fleetlink_testkit::{run_on_small_disk, small_disk};

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_hub_starts_and_its_logs_follow_when_there_is_room() {
    if let Some(path) = small_disk() {
        return in_child(&path).await;
    }
    let folder = tempfile::tempdir().unwrap();
    run_on_small_disk(
        "disk_full::a_hub_starts_and_its_logs_follow_when_there_is_room",
        "4m",
        folder.path(),
    );
}

/// The data are elsewhere: the log files alone find no room.
async fn in_child(logs: &Path) {
    let data = tempfile::tempdir().unwrap();
    record(data.path());
    fs::write(logs.join(UPLOAD_LOG), EARLIER).unwrap();
    fs::write(
        logs.join("edge-device-log.txt"),
        "1; a line of an earlier hub\n",
    )
    .unwrap();
    fs::write(logs.join("filler"), vec![0; 8 << 20]).unwrap_err();

    let hub = start(config(data.path(), logs)).await.unwrap();
    let log = || fs::read_to_string(logs.join(UPLOAD_LOG)).unwrap();
    let behind = log();
    assert!(
        behind.starts_with(EARLIER) && behind.ends_with('\n'),
        "whole lines"
    );
    assert!(behind.lines().count() < UPLOADS, "there is no room for all");
    assert_eq!(fs::read(logs.join("edge-device-log.txt")).unwrap(), b"");

    fs::remove_file(logs.join("filler")).unwrap();
    let following = async {
        while log().lines().count() <= UPLOADS {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), following).await;
    assert!(in_time.is_ok(), "{} bytes", log().len());
    hub.close().await;
}

/// More than a page of uploads.
const UPLOADS: usize = 500;

/// Uploads and a deletion in the journal.
fn record(data: &Path) {
    drop(fleetlink_hub::store::sqlite::SqliteStore::open(data).unwrap());
    let database = rusqlite::Connection::open(data.join("hub.db")).unwrap();
    // Of today: what is too old goes.
    let sql = format!(
        "INSERT INTO journal (device, key, kind, file, samples, bytes, at_ms) \
         SELECT 'cam', randomblob(16), iif(value = {UPLOADS}, 2, 0), value, 3, 6, \
         CAST(unixepoch('subsec') * 1000 AS INTEGER) FROM (\
         WITH RECURSIVE n (value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM n \
         WHERE value < {UPLOADS}) SELECT value FROM n)"
    );
    database.execute_batch(&sql).unwrap();
}
