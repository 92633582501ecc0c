//! Everything that CI runs.

use crate::skipped::SkippedTests;
use crate::{dependencies, documents, programs, step, web, wording};

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
    wording::check()?;
    web::check()?;
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
    // The examples in the documentation of the libraries that others use.
    let documented = ["fleetlink-client", "fleetlink-proto"];
    step::run(
        "cargo",
        &[
            "test",
            "--doc",
            "--locked",
            "-p",
            documented[0],
            "-p",
            documented[1],
        ],
    )?;
    // It builds the program that the page is tested at.
    step::run("cargo", &["run", "--release", "--locked", "--", "demo"])?;
    web::check_at_the_hub()?;
    tests()
}

/// Runs the tests, and names those that this user or machine could not run.
fn tests() -> Result<(), String> {
    let skipped = SkippedTests::start()?;
    let tests = ["nextest", "run", "--workspace", "--locked"];
    let result = step::run_with("cargo", &tests, &[skipped.setting()]);
    skipped.report()?;
    result
}
