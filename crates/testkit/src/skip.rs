//! Tests that need what this user or machine lacks.

use std::fs::OpenOptions;
use std::io::Write;
use std::thread;

/// Names the file to which skipped tests add a line; `cargo xtask test` sets it and shows the lines.
const LIST: &str = "FLEETLINK_SKIPPED_TESTS";

/// Records that the calling test is skipped, and why. Call it on the test's own thread, then return.
///
/// A skipped test passes for the test runner, so without this record nobody would know.
///
/// # Panics
/// When the record cannot be written.
#[expect(
    clippy::print_stderr,
    reason = "the reader of the test's output shall know"
)]
pub fn skip(reason: &str) {
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    eprintln!("skipped: {test}: {reason}");
    let Some(list) = std::env::var_os(LIST) else {
        return;
    };
    // One write of one line: tests of other processes add theirs at the same time.
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(list)
        .and_then(|mut list| list.write_all(format!("{test}: {reason}\n").as_bytes()))
        .expect("the list of skipped tests takes a line");
}
