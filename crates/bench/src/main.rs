//! Measurements beside a reference, each in one run on one machine.

mod ingest;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("ingest") => ingest::run(),
        _ => {
            complain("usage: fleetlink-bench ingest");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "a usage message belongs there")]
fn complain(message: &str) {
    eprintln!("{message}");
}
