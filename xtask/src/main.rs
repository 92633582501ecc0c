//! Developer tasks: `cargo xtask test` runs everything that CI runs, `cargo xtask bench` measures,
//! `cargo xtask soak` runs campaigns of random input.

mod bench;
mod dependencies;
mod documents;
mod programs;
mod skipped;
mod soak;
mod step;
mod test;
mod web;
mod wording;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test          everything that CI runs
cargo xtask bench NAME    a measurement; without a name, the list of them
cargo xtask soak NAME     a campaign of random input";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("", &[][..]),
    };
    let result = match task {
        "test" if rest.is_empty() => test::run(),
        "bench" => bench::run(rest),
        "soak" => soak::run(rest),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            step::say(&message);
            ExitCode::FAILURE
        }
    }
}
