//! The programs that the tests need, and how a machine gets them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::step;

/// A program that the tests call.
struct Program {
    name: &'static str,
    /// Its purpose.
    purpose: &'static str,
    installer: Installer,
}

enum Installer {
    /// A package of Debian's.
    Debian(&'static str),
    /// A crate that is installed with cargo.
    Cargo(&'static str),
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "cc",
        purpose: "builds SQLite, ring and jemalloc",
        installer: Installer::Debian("build-essential"),
    },
    Program {
        name: "python3",
        purpose: "runs the example client in Python",
        installer: Installer::Debian("python3"),
    },
    Program {
        name: "node",
        purpose: "runs the example client in JavaScript, and builds the page",
        installer: Installer::Debian("nodejs"),
    },
    Program {
        name: "npm",
        purpose: "fetches the tools that build the page",
        installer: Installer::Debian("npm"),
    },
    Program {
        name: "chromium",
        purpose: "shows the page to its tests",
        installer: Installer::Debian("chromium"),
    },
    Program {
        name: "javac",
        purpose: "compiles clients and servers that others could have written",
        installer: Installer::Debian("default-jdk-headless"),
    },
    Program {
        name: "ip",
        purpose: "makes network namespaces, to cut a device's cable",
        installer: Installer::Debian("iproute2"),
    },
    Program {
        name: "nft",
        purpose: "drops packets in a network namespace",
        installer: Installer::Debian("nftables"),
    },
    Program {
        name: "cargo-nextest",
        purpose: "runs the tests",
        installer: Installer::Cargo("cargo-nextest"),
    },
    Program {
        name: "cargo-deny",
        purpose: "checks licences and sources of dependencies",
        installer: Installer::Cargo("cargo-deny"),
    },
];

/// Installs what is missing where that is allowed; else names all of it, and the command that
/// installs it.
pub(crate) fn ensure() -> Result<(), String> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    step::say("missing programs:");
    for Program { name, purpose, .. } in &missing {
        step::say(&format!("  {name}: it {purpose}"));
    }
    let (debian, crates) = packages(&missing);
    if !debian.is_empty() && !may_install() {
        return Err(format!("install them first: {}", command(&debian, &crates)));
    }
    if !debian.is_empty() {
        step::run("apt-get", &["update", "-qq"])?;
        step::run(
            "apt-get",
            &[&["install", "-y", "-qq"], &debian[..]].concat(),
        )?;
    }
    if !crates.is_empty() {
        step::run("cargo", &[&["install", "--locked"], &crates[..]].concat())?;
    }
    Ok(())
}

fn missing() -> Vec<&'static Program> {
    let missing = PROGRAMS
        .iter()
        .filter(|program| find(program.name).is_none());
    missing.collect()
}

/// The packages of Debian's and the crates that bring these programs.
fn packages(programs: &[&'static Program]) -> (Vec<&'static str>, Vec<&'static str>) {
    let (mut debian, mut crates) = (Vec::new(), Vec::new());
    for program in programs {
        match program.installer {
            Installer::Debian(package) => debian.push(package),
            Installer::Cargo(package) => crates.push(package),
        }
    }
    (debian, crates)
}

/// One line for a shell that installs all of it, also where no package list was ever fetched.
fn command(debian: &[&str], crates: &[&str]) -> String {
    let mut steps = Vec::new();
    if !debian.is_empty() {
        let debian = debian.join(" ");
        steps.push(format!(
            "sudo sh -c 'apt-get update && apt-get install -y {debian}'"
        ));
    }
    if !crates.is_empty() {
        steps.push(format!("cargo install --locked {}", crates.join(" ")));
    }
    steps.join(" && ")
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
