//! The programs that the tests need, and how a machine gets them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::step;

/// A program that the tests call.
struct Program {
    name: &'static str,
    /// What it is for.
    purpose: &'static str,
    source: Source,
}

enum Source {
    /// A package of Debian's.
    Debian(&'static str),
    /// A crate that is installed with cargo.
    Cargo(&'static str),
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "cc",
        purpose: "builds SQLite and ring",
        source: Source::Debian("build-essential"),
    },
    Program {
        name: "python3",
        purpose: "runs the example client",
        source: Source::Debian("python3"),
    },
    Program {
        name: "ip",
        purpose: "makes network namespaces, to cut a device's cable",
        source: Source::Debian("iproute2"),
    },
    Program {
        name: "nft",
        purpose: "drops packets in a network namespace",
        source: Source::Debian("nftables"),
    },
    Program {
        name: "cargo-nextest",
        purpose: "runs the tests",
        source: Source::Cargo("cargo-nextest"),
    },
    Program {
        name: "cargo-deny",
        purpose: "checks licences and sources of dependencies",
        source: Source::Cargo("cargo-deny"),
    },
];

/// Installs what is missing where that is allowed; else says which command does it.
pub(crate) fn ensure() -> Result<(), String> {
    let mut updated = false;
    for program in PROGRAMS
        .iter()
        .filter(|program| find(program.name).is_none())
    {
        let Program {
            name,
            purpose,
            source,
        } = program;
        step::say(&format!("{name} is missing: it {purpose}"));
        match source {
            Source::Cargo(package) => step::run("cargo", &["install", "--locked", package])?,
            Source::Debian(package) if may_install() => {
                if !updated {
                    step::run("apt-get", &["update", "-qq"])?;
                    updated = true;
                }
                step::run("apt-get", &["install", "-y", "-qq", package])?;
            }
            Source::Debian(package) => {
                return Err(format!("install it first: sudo apt-get install {package}"));
            }
        }
    }
    Ok(())
}

fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let cargo = std::env::var_os("CARGO_HOME").map(|home| Path::new(&home).join("bin"));
    let sbin = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let mut folders = std::env::split_paths(&path).chain(cargo).chain(sbin);
    folders.find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file()))
}

/// Root on a Debian: elsewhere the person decides.
fn may_install() -> bool {
    let root = fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.lines().any(|line| line.starts_with("Uid:\t0\t")));
    root && Path::new("/etc/debian_version").exists()
}
