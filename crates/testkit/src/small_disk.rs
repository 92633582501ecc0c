//! A disk that is soon full: a small tmpfs, mounted where one test alone sees it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::skip;

/// In the child that [`run_on_small_disk`] starts, where the disk is.
const DISK: &str = "FLEETLINK_TEST_SMALL_DISK";

/// The disk, where this process is the child.
pub fn small_disk() -> Option<PathBuf> {
    std::env::var_os(DISK).map(PathBuf::from)
}

/// Runs the test of this path again, in a child that has a disk of this size at `folder`. Skips it
/// where this user may not mount one.
///
/// # Panics
/// When the test fails in the child, or the child cannot be started.
pub fn run_on_small_disk(test: &str, size: &str, folder: &Path) {
    run_on_disk(test, &format!("-t tmpfs -o size={size} tmpfs"), folder);
}

/// The same on another file system, mounted with these arguments.
///
/// # Panics
/// As [`run_on_small_disk`].
pub fn run_on_disk(test: &str, mount: &str, folder: &Path) {
    let unshare = ["--map-root-user", "--mount"];
    if !run_in_child(test, &unshare, mount, folder) {
        assert!(!can_mount(), "{test} failed in its child");
        skip("this user may not mount a file system");
    }
}

/// Runs the test again, in a child in namespaces of its own with this mounted at `folder`. False
/// where it does not pass, with the output of the child shown.
#[expect(clippy::print_stderr, reason = "it is the output of the test")]
pub(crate) fn run_in_child(test: &str, unshare: &[&str], mount: &str, folder: &Path) -> bool {
    let mount = format!("mount {mount} \"${DISK}\" || exit 77; exec \"$0\" \"$@\"");
    let child = Command::new("unshare")
        .args(unshare)
        .args(["sh", "-c", &mount])
        .arg(std::env::current_exe().expect("this program has a path"))
        .args(["--exact", test, "--nocapture"])
        .env(DISK, folder)
        .output();
    match child {
        Ok(child) if String::from_utf8_lossy(&child.stdout).contains("1 passed") => true,
        Ok(child) => {
            eprint!("{}", String::from_utf8_lossy(&child.stdout));
            eprint!("{}", String::from_utf8_lossy(&child.stderr));
            false
        }
        Err(error) => {
            eprintln!("unshare: {error}");
            false
        }
    }
}

fn can_mount() -> bool {
    let test = "mount -t tmpfs tmpfs /mnt";
    let status = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", test])
        .status();
    status.is_ok_and(|status| status.success())
}
