//! A disk that stands still for as long as a test wants: an ext4 in a file, frozen by `fsfreeze`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::skip;
use crate::small_disk::run_in_child;

/// A file system that takes nothing, until this is dropped.
#[derive(Debug)]
pub struct Frozen(PathBuf);

impl Frozen {
    /// Freezes the disk that [`run_on_pausing_disk`] has mounted here, once all of it is written.
    ///
    /// # Panics
    /// When it cannot be frozen.
    pub fn disk(at: &Path) -> Self {
        assert!(freeze("--freeze", at), "{} can be frozen", at.display());
        Frozen(at.to_owned())
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        freeze("--unfreeze", &self.0);
    }
}

fn freeze(how: &str, at: &Path) -> bool {
    let status = Command::new("fsfreeze").arg(how).arg(at).status();
    status.is_ok_and(|status| status.success())
}

/// Runs the test of this path again, in a child that has an ext4 of so many MiB at `folder`, seen
/// by it alone; `small_disk` says there where it is. Skips it where this user may not mount one.
///
/// # Panics
/// When the test fails in the child, or the child cannot be started.
pub fn run_on_pausing_disk(test: &str, mebibytes: u64, folder: &Path) {
    let image = tempfile::NamedTempFile::new().expect("a file can be made");
    let sized = image.as_file().set_len(mebibytes << 20);
    sized.expect("a file without content takes no room");
    let made = Command::new("mkfs.ext4")
        .args(["-q", "-F", "-m", "0"])
        .arg(image.path())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        return skip("mkfs.ext4 is not installed");
    }
    if !can_mount(image.path()) {
        return skip("only root can mount a file as a disk");
    }
    let mount = format!("-o loop {}", image.path().display());
    let passed = run_in_child(test, &["--mount"], &mount, folder);
    assert!(passed, "{test} failed in its child");
}

fn can_mount(image: &Path) -> bool {
    let status = Command::new("unshare")
        .args(["--mount", "sh", "-c", "mount -o loop \"$0\" /mnt"])
        .arg(image)
        .status();
    status.is_ok_and(|status| status.success())
}
