//! Measurements beside a reference, each in one run on one machine.

mod bare_tls;
mod congestion;
mod crowd;
mod flood;
mod hub;
mod ingest;
mod joins;
mod leases;
mod link;
mod logins;
mod memory;
mod number_exchange;
mod points;
mod process;
mod proof;
mod report;
mod sizes;
mod sshd;
mod start;
mod store;
mod storm;
mod transfer;
mod upload;

use std::process::ExitCode;

use report::complain;

/// The result of a measurement.
type BenchResult<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A name, what is measured, and what does it.
type Measurement = (&'static str, &'static str, fn() -> BenchResult);

const MEASUREMENTS: &[Measurement] = &[
    ("ingest", "parsing data files, in memory", ingest::run),
    (
        "store",
        "staging beside dd, and commits a second",
        store::run,
    ),
    (
        "points",
        "columns of 10,000,000 samples beside DuckDB over Parquet",
        points::run,
    ),
    (
        "upload",
        "a durable upload of 10,000,000 integers beside scp and dd",
        upload::run,
    ),
    (
        "joins",
        "joins a second by password beside bare TLS handshakes and Argon2",
        joins::run,
    ),
    (
        "start",
        "the start of a hub with 200,000 accounts beside one with 10",
        start::run,
    ),
    (
        "memory",
        "resident memory of a hub with 1,000 devices beside bare TLS",
        memory::run,
    ),
    (
        "flood",
        "a hub with 5,000 idle sessions and 800 that read nothing: its memory, and another's SCS",
        flood::run,
    ),
    (
        "storm",
        "1,000 devices come back by key and by password beside bare TLS handshakes",
        storm::run,
    ),
    (
        "sum",
        "number exchanges a second beside a bare server",
        number_exchange::run,
    ),
    (
        "leases",
        "leases a second beside bare servers and Redis",
        leases::run,
    ),
    (
        "transfer",
        "a file, and 10,000 small ones, from device to device beside scp, rsync, sendme, magic-wormhole and a local copy",
        transfer::run,
    ),
    (
        "congestion",
        "congestion controllers beside TCP's over a link with losses, and what they leave to others",
        congestion::run,
    ),
    ("sizes", "the binary with and without the hub", sizes::run),
];

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    // The references, as processes of their own.
    match (name.as_str(), std::env::args().nth(2).as_deref()) {
        (bare_tls::SERVE, _) => return exit_code(bare_tls::serve()),
        ("leases", Some("udp-echo")) => return exit_code(leases::udp_echo()),
        ("leases", Some("tcp-server")) => return exit_code(leases::tcp_server()),
        (name, Some(role)) if (name, role) == logins::SERVE => return exit_code(logins::serve()),
        (name, Some(role)) if (name, role) == transfer::RECEIVE => {
            return exit_code(transfer::receive());
        }
        (name, Some(role)) if (name, role) == transfer::SEND => return exit_code(transfer::send()),
        (name, Some(role)) if (name, role) == transfer::COPY => return exit_code(transfer::copy()),
        (name, Some(role)) if let Some(run) = congestion::role(name, role) => {
            return exit_code(run());
        }
        // A campaign, which can fail: `cargo xtask soak` runs it.
        ("logins", None) => return exit_code(logins::run()),
        _ => {}
    }
    match MEASUREMENTS.iter().find(|(known, ..)| *known == name) {
        Some((_, _, run)) => exit_code(run()),
        None => {
            for (name, what, _) in MEASUREMENTS {
                complain(&format!("{name:<12}{what}"));
            }
            ExitCode::from(2)
        }
    }
}

fn exit_code(result: BenchResult) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
