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
    assert_eq!(log(), EARLIER, "behind, but whole lines");
    assert_eq!(fs::read(logs.join("edge-device-log.txt")).unwrap(), b"");

    fs::remove_file(logs.join("filler")).unwrap();
    let following = async {
        while !log().contains("; 7; 3\n") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), following).await;
    assert!(in_time.is_ok(), "{}", log());
    hub.close().await;
}

/// An upload and a deletion in the journal: a file each, of which the disk has room for one.
fn record(data: &Path) {
    drop(fleetlink_hub::store::sqlite::SqliteStore::open(data).unwrap());
    let database = rusqlite::Connection::open(data.join("hub.db")).unwrap();
    // Of today: what is too old goes.
    let now = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";
    let sql = format!(
        "INSERT INTO journal (device, key, kind, file, samples, bytes, at_ms) \
               VALUES ('cam', x'00000000000000000000000000000001', 0, 7, 3, 6, {now}), \
                      ('cam', x'00000000000000000000000000000002', 2, 7, 3, 6, {now})"
    );
    database.execute_batch(&sql).unwrap();
}
