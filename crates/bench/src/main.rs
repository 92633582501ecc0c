//! Measurements beside a reference, each in one run on one machine.

mod ingest;
mod store;
mod sum;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("ingest") => ingest::run(),
        Some("store") => {
            if let Err(error) = store::run() {
                complain(&error.to_string());
                return ExitCode::FAILURE;
            }
        }
        Some("sum") => {
            if let Err(error) = sum::run() {
                complain(&error.to_string());
                return ExitCode::FAILURE;
            }
        }
        _ => {
            complain("usage: fleetlink-bench ingest | store | sum");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "a usage message belongs there")]
fn complain(message: &str) {
    eprintln!("{message}");
}
