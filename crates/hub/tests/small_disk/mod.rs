//! A disk that is soon full: a small tmpfs, mounted where one test alone sees it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// In the child that [`run_on_small_disk`] starts, where the disk is.
const DISK: &str = "FLEETLINK_TEST_SMALL_DISK";

/// The disk, where this process is the child.
pub(crate) fn small_disk() -> Option<PathBuf> {
    std::env::var_os(DISK).map(PathBuf::from)
}

/// Runs the test of this path again, in a child that has a disk of this size at `folder`. Says so
/// and does nothing where this user may not mount one.
#[expect(
    clippy::print_stdout,
    reason = "whoever reads the test's output shall know"
)]
pub(crate) fn run_on_small_disk(test: &str, size: &str, folder: &Path) {
    let mount =
        format!("mount -t tmpfs -o size={size} tmpfs \"${DISK}\" || exit 77; exec \"$0\" \"$@\"");
    let child = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &mount])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(DISK, folder)
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
