//! Figures for people.

use std::time::Duration;

/// Prints a line of the result.
#[expect(clippy::print_stdout, reason = "the result of a measurement")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// Prints what went wrong, or how the program is used.
#[expect(clippy::print_stderr, reason = "a complaint belongs there")]
pub(crate) fn complain(line: &str) {
    eprintln!("{line}");
}

/// The middle one of some figures; 0 of none.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// The median of the quotients of figures that were taken in turns.
pub(crate) fn ratio(figures: &[f64], references: &[f64]) -> f64 {
    let quotients = figures.iter().zip(references);
    median(&quotients.map(|(a, b)| a / b).collect::<Vec<_>>())
}

/// Megabytes (10^6 bytes) a second.
pub(crate) fn megabytes_a_second(bytes: u64, time: Duration) -> f64 {
    float(bytes) / 1e6 / time.as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}
