//! Campaigns of random input, whole; a part of each runs with the tests.

use crate::step;

const USAGE: &str = "\
cargo xtask soak api        requests drawn from the description of the API; needs schemathesis
cargo xtask soak checkers   the checkers over each broken server and client, ten times
cargo xtask soak leases     random and mutated requests against a lease service
cargo xtask soak logins     whether time tells names with an account from others
cargo xtask soak transfers  a file of 5 GB; long transfers over cables that lose packets or are cut";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    match arguments {
        [campaign] if campaign == "api" => api(),
        [campaign] if campaign == "checkers" => checkers(),
        [campaign] if campaign == "leases" => leases(),
        [campaign] if campaign == "logins" => logins(),
        [campaign] if campaign == "transfers" => transfers(),
        _ => Err(USAGE.to_owned()),
    }
}

/// More than 5,000 requests; `pip install schemathesis` has the program.
fn api() -> Result<(), String> {
    let command = [
        "test",
        "--locked",
        "-p",
        "fleetlink",
        "--test",
        "e2e",
        "--",
        "http::drawn_requests::soak_",
        "--ignored",
        "--nocapture",
    ];
    step::run("cargo", &command)
}

/// Each has to name the planted fault alone, in every run.
fn checkers() -> Result<(), String> {
    let command = [
        "test",
        "--locked",
        "-p",
        "fleetlink",
        "--test",
        "e2e",
        "--",
        "each_broken_",
        "--nocapture",
        "--test-threads",
        "1",
    ];
    step::run_with("cargo", &command, &[("FLEETLINK_CHECKER_RUNS", "10")])
}

/// 10,000,000 datagrams and 1,000,000 connections; `FLEETLINK_SOAK` counts thousandths.
fn leases() -> Result<(), String> {
    let command = [
        "test",
        "--release",
        "--locked",
        "-p",
        "fleetlink-hub",
        "--test",
        "lease",
        "--",
        "soak_",
        "--nocapture",
        "--test-threads",
        "1",
    ];
    step::run_with("cargo", &command, &[("FLEETLINK_SOAK", "1000")])
}

/// 2,000 names of each kind at the product and at a hub that tells; `FLEETLINK_SEED` replays a run.
fn logins() -> Result<(), String> {
    let command = [
        "run",
        "--release",
        "--locked",
        "-p",
        "fleetlink-bench",
        "--",
        "logins",
    ];
    step::run("cargo", &command)
}

/// Takes 5 GB of disk for a while, and root for the cables.
fn transfers() -> Result<(), String> {
    let command = [
        "test",
        "--release",
        "--locked",
        "-p",
        "fleetlink",
        "--test",
        "e2e",
        "--",
        "transfer::crowd::soak_",
        "transfer::network::soak_",
        "--ignored",
        "--nocapture",
        "--test-threads",
        "1",
    ];
    step::run("cargo", &command)
}
