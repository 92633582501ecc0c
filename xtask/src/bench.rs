//! Measurements: the crate `bench` does them, beside the release build of the product.

use crate::step;

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    step::run(
        "cargo",
        &["build", "--release", "--locked", "-p", "fleetlink"],
    )?;
    let arguments = arguments.iter().map(String::as_str);
    let command: Vec<&str> = [
        "run",
        "--release",
        "--locked",
        "-p",
        "fleetlink-bench",
        "--",
    ]
    .into_iter()
    .chain(arguments)
    .collect();
    step::run("cargo", &command)
}
