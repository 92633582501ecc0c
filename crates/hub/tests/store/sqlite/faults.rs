//! System calls that fail, as a kernel, a quota or a sick disk makes them fail.
//!
//! A filter of system calls (seccomp) stands in for the disk. It is that of a process and stays to its
//! end, so a test runs itself again in a child, which it gives the folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

const CHILD: &str = "FLEETLINK_TEST_FAULTS";

/// The folder, where this process is the child.
pub(crate) fn child() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// Runs the test of this path again in a child.
pub(crate) fn run_in_child(test: &str, folder: &Path) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&child.stderr)
    );
}

/// The calls that fail from now on, in the whole process.
pub(crate) enum Fault {
    /// Every flush of a file or folder.
    Flush,
    /// Every write of at least a page: what is written beside the disk is shorter.
    Write,
}

/// Makes this kind of call fail with this error number.
pub(crate) fn inject(fault: &Fault, errno: i32) {
    let rules: BTreeMap<i64, Vec<SeccompRule>> = match fault {
        Fault::Flush => [(FSYNC, vec![]), (FDATASYNC, vec![])].into(),
        Fault::Write => {
            let (page, count) = (4096, 2);
            let long = || {
                let is_long =
                    SeccompCondition::new(count, SeccompCmpArgLen::Qword, SeccompCmpOp::Ge, page);
                vec![SeccompRule::new(vec![is_long.unwrap()]).unwrap()]
            };
            [(WRITE, long()), (PWRITE, long())].into()
        }
    };
    let fails = SeccompAction::Errno(u32::try_from(errno).unwrap());
    let target = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, fails, target).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter_all_threads(&program).unwrap();
}

use numbers::{FDATASYNC, FSYNC, PWRITE, WRITE};

/// The system calls' numbers.
#[cfg(target_arch = "x86_64")]
mod numbers {
    pub(super) const WRITE: i64 = 1;
    pub(super) const PWRITE: i64 = 18;
    pub(super) const FSYNC: i64 = 74;
    pub(super) const FDATASYNC: i64 = 75;
}

/// The system calls' numbers, as on every newer architecture.
#[cfg(not(target_arch = "x86_64"))]
mod numbers {
    pub(super) const WRITE: i64 = 64;
    pub(super) const PWRITE: i64 = 68;
    pub(super) const FSYNC: i64 = 82;
    pub(super) const FDATASYNC: i64 = 83;
}
