//! Measurements beside a reference, each in one run on one machine.

mod ingest;
mod leases;
mod store;
mod sum;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["ingest"] => {
            ingest::run();
            Ok(())
        }
        ["store"] => store::run(),
        ["sum"] => sum::run(),
        ["leases"] => leases::run(),
        // The references of the lease service, as processes of their own.
        ["leases", "udp-echo"] => leases::udp_echo(),
        ["leases", "tcp-server"] => leases::tcp_server(),
        _ => {
            complain("usage: fleetlink-bench ingest | leases | store | sum");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a usage message belongs there")]
fn complain(message: &str) {
    eprintln!("{message}");
}
