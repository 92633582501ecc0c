//! A disk without room: said before anything is accepted. The disk is a small tmpfs, mounted where
//! only this test sees it.

use std::fs;
use std::path::Path;

use fleetlink_proto::transfer::Reason;

use crate::{admit, end, listing, open, take};
use fleetlink_client::{ReceivePolicy, transfer::Inbox};
use fleetlink_testkit::{run_on_disk, run_on_small_disk, small_disk};

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_refuses_and_recovers() {
    if let Some(path) = small_disk() {
        return in_child(&path);
    }
    let folder = tempfile::tempdir().unwrap();
    run_on_small_disk(
        "disk_full::a_full_disk_refuses_and_recovers",
        "24m",
        folder.path(),
    );
}

/// It counts no blocks at all, so none are free.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_counts_no_blocks_takes_files() {
    if let Some(path) = small_disk() {
        let inbox = open(&path);
        take(&inbox, "x", b"content").unwrap();
        assert_eq!(listing(&path), ["uav-camera_x"]);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    run_on_disk(
        "disk_full::a_disk_that_counts_no_blocks_takes_files",
        "-t ramfs ramfs",
        folder.path(),
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_files_is_an_error_when_it_is_opened() {
    let opened = Inbox::open(Path::new("/proc/self/task"), ReceivePolicy::default());
    let error = opened.unwrap_err().to_string();
    assert!(error.contains("it takes no files"), "{error}");
}

fn in_child(folder: &Path) {
    let inbox = open(folder);
    let no_room = |size| admit(&inbox, "large", size).unwrap_err().reason == Reason::NoSpace;
    let why = admit(&inbox, "large", 17 << 20).unwrap_err().to_string();
    assert!(why.contains("keeps 8388608 (8 MiB)"), "{why}");
    // A lie of any size takes nothing.
    for size in [17 << 20, 1 << 40, usize::MAX] {
        assert!(no_room(size), "{size}");
    }
    assert_eq!(listing(folder), [""; 0]);
    // What was accepted has its room, whatever fills the rest meanwhile.
    let mut coming = admit(&inbox, "x", 10 << 20).unwrap();
    assert!(no_room(10 << 20), "promised twice");
    fs::write(folder.join("filler"), vec![0; 24 << 20]).unwrap_err();
    assert!(no_room(1));
    let content = vec![3; 10 << 20];
    coming.write(&content).unwrap();
    coming.finish(&end(&content)).unwrap();
    fs::remove_file(folder.join("filler")).unwrap();
    take(&inbox, "y", b"after").unwrap();
    assert_eq!(listing(folder), ["uav-camera_x", "uav-camera_y"]);
}
