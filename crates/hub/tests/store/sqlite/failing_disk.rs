//! A commit that fails at the disk: the store answers `Unknown` and promises nothing more.
//!
//! A limit on the size of files stands in for a broken disk: SQLite takes its error (EFBIG, not
//! ENOSPC) for one of I/O. The limit is that of a process, so the test runs itself again under it.

use std::process::Command;
use std::time::Duration;

use fleetlink_hub::store::{Store, StoreError};

use super::Folder;
use crate::suite::*;

const CHILD: &str = "FLEETLINK_TEST_FAILING_DISK";
/// 256 KiB, in the shell's blocks of 512 bytes.
const LIMIT: &str = "trap '' XFSZ; ulimit -f 512; exec \"$0\" \"$@\"";

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_failed_commit_ends_the_promises() {
    if let Some(path) = std::env::var_os(CHILD) {
        return in_child(std::path::Path::new(&path)).await;
    }
    let folder = Folder::fresh();
    let status = Command::new("sh")
        .args(["-c", LIMIT])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "sqlite::failing_disk::a_failed_commit_ends_the_promises",
        ])
        .arg("--nocapture")
        .env(CHILD, folder.path())
        .status()
        .unwrap();
    assert!(status.success());

    // What was answered is there, and what is in doubt can be asked for again.
    let store = folder.store();
    let before = store.journal(0, 100).await.unwrap().len();
    assert!(before >= 1);
    let bits = before as u128;
    upload(&store, To("cam", 1, bits), Append, &inline())
        .await
        .unwrap();
    let text = read(&store, "cam", 1).await.unwrap();
    assert_eq!(summary(&text), summary_of(&store, "cam", 1).await.unwrap());
}

fn inline() -> Vec<u8> {
    large(5_000)
}

async fn in_child(path: &std::path::Path) {
    let store = fleetlink_hub::store::sqlite::SqliteStore::open(path).unwrap();
    add(&store, "cam").await.unwrap();
    // A file of its own that does not fit is nothing worse than a full disk.
    let refused = stage(&store, "cam", 1000, &large(100_000)).await;
    assert_eq!(refused, Err(StoreError::Full));

    let mut done = 0;
    let refused = loop {
        match upload(&store, To("cam", 1, done), Append, &inline()).await {
            Ok(_) => done += 1,
            Err(error) => break error,
        }
    };
    assert!(done > 0);
    assert!(matches!(refused, StoreError::Unknown(_)), "{refused:?}");
    let reason = tokio::time::timeout(Duration::from_secs(5), store.failed()).await;
    assert!(!reason.unwrap().is_empty());

    let is_unavailable = |error| assert!(matches!(error, Some(StoreError::Unavailable(_))));
    is_unavailable(add(&store, "other").await.err());
    is_unavailable(delete(&store, To("cam", 1, 2000)).await.err());
    is_unavailable(store.stage(name("cam"), key(2001)).await.err());
    // Reads go on, and see what was answered.
    let journal = store.journal(0, 100).await.unwrap();
    assert_eq!(journal.len() as u128, done);
    let samples = summary_of(&store, "cam", 1).await.unwrap().count();
    assert_eq!(u128::from(samples), done * 5_000);
    assert_eq!(
        summary(&read(&store, "cam", 1).await.unwrap()).count(),
        samples
    );
}
