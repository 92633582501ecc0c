//! Tests that this user or machine cannot run: they pass for the test runner, and are named here.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::step;

/// The list to which a skipped test adds a line (`fleetlink_testkit::skip`).
pub(crate) struct SkippedTests {
    list: PathBuf,
}

impl SkippedTests {
    /// An empty list.
    pub(crate) fn start() -> Result<Self, String> {
        let list = step::root().join("target/skipped-tests.txt");
        match fs::remove_file(&list) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(format!("{}: {error}", list.display()))
            }
            _ => Ok(SkippedTests { list }),
        }
    }

    /// Tells the tests where the list is.
    pub(crate) fn setting(&self) -> (&'static str, &str) {
        let list = self.list.to_str().unwrap_or_default();
        ("FLEETLINK_SKIPPED_TESTS", list)
    }

    /// Names the skipped tests; the last line counts them.
    pub(crate) fn report(&self) -> Result<(), String> {
        let list = match fs::read_to_string(&self.list) {
            Ok(list) => list,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("{}: {error}", self.list.display())),
        };
        let mut tests: Vec<&str> = list.lines().collect();
        tests.sort_unstable();
        if tests.is_empty() {
            step::say("no test was skipped");
            return Ok(());
        }
        step::say("\nskipped, although the lines above count them as passed:");
        for test in &tests {
            step::say(&format!("  {test}"));
        }
        step::say(&format!("{} tests were skipped", tests.len()));
        Ok(())
    }
}
