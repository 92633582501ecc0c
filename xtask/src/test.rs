//! Everything that CI runs.

use crate::{dependencies, documents, programs, step};

pub(crate) fn run() -> Result<(), String> {
    programs::ensure()?;
    step::run("cargo", &["fmt", "--all", "--check"])?;
    step::run(
        "cargo",
        &[
            "deny",
            "--log-level",
            "error",
            "check",
            "bans",
            "licenses",
            "sources",
        ],
    )?;
    dependencies::check()?;
    documents::check()?;
    step::run(
        "cargo",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    step::run(
        "cargo",
        &[
            "clippy",
            "-p",
            "fleetlink",
            "--no-default-features",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    step::run("cargo", &["doc", "--workspace", "--no-deps", "--quiet"])?;
    step::run("cargo", &["run", "--release", "--locked", "--", "demo"])?;
    step::run("cargo", &["nextest", "run", "--workspace", "--locked"])
}
