//! A disk without room: said before anything is accepted. The disk is a small tmpfs, mounted where
//! only this test sees it.

use std::fs;
use std::path::Path;
use std::process::Command;

use fleetlink_proto::transfer::Reason;

use crate::{admit, end, listing, open, take};

const CHILD: &str = "FLEETLINK_TEST_INBOX_DISK_FULL";
const TEST: &str = "disk_full::a_full_disk_refuses_and_recovers";
const MOUNT: &str = "mount -t tmpfs -o size=24m tmpfs \"$FLEETLINK_TEST_INBOX_DISK_FULL\" || exit 77; \
                     exec \"$0\" \"$@\"";

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_refuses_and_recovers() {
    if let Some(path) = std::env::var_os(CHILD) {
        return in_child(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let child = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", MOUNT])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(CHILD, folder.path())
        .output();
    match child {
        Ok(child) if String::from_utf8_lossy(&child.stdout).contains("1 passed") => {}
        _ if !can_mount() => println!("skipped: this user may not mount a file system"),
        other => panic!("{other:?}"),
    }
}

fn can_mount() -> bool {
    let test = "mount -t tmpfs tmpfs /mnt";
    let status = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", test])
        .status();
    status.is_ok_and(|status| status.success())
}

fn in_child(folder: &Path) {
    let inbox = open(folder);
    let no_room = |size| admit(&inbox, "large", size).unwrap_err().reason == Reason::NoSpace;
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
