//! The size of the binary, with and without the hub.

use std::fs;
use std::process::Command;

use crate::BenchResult;
use crate::process::fleetlink;
use crate::report::{float, say};

/// The folder of the smaller build, beside that of the other.
const DEVICE_ONLY: &str = "device-only";

/// Builds what `cargo xtask bench` has not built.
pub(crate) fn run() -> BenchResult {
    let whole = fleetlink()?;
    let target = whole.ancestors().nth(2).ok_or("no folder for a build")?;
    let smaller = target.join(DEVICE_ONLY);
    let status = Command::new("cargo")
        .args(["build", "--release", "--locked", "-p", "fleetlink"])
        .args(["--no-default-features", "--target-dir"])
        .arg(&smaller)
        .status()?;
    if !status.success() {
        return Err("the build without the hub failed".into());
    }
    let device_only = smaller.join("release").join("fleetlink");
    for (what, path) in [("with the hub", whole), ("the device alone", device_only)] {
        let size = float(fs::metadata(path)?.len()) / 1e6;
        say(&format!("{what:<20}{size:>6.1} MB"));
    }
    Ok(())
}
