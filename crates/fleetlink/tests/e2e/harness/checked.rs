//! A client that is checked.

use serde_json::Value;

use super::{Finished, fleetlink, run};

/// Checks a client by `check-client` of this command.
pub(crate) fn run_checker(command: &str, options: &[&str], client: &[&str]) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let mut checker = fleetlink(folder.path());
    checker.args([command, "check-client"]);
    run(checker.args(options).arg("--").args(client), "")
}

/// The ids of the checks that failed, and the document.
pub(crate) fn check(command: &str, options: &[&str], client: &[&str]) -> (Vec<String>, Value) {
    let finished = run_checker(command, &[options, &["--json"]].concat(), client);
    let report: Value =
        serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {finished:?}"));
    let checks = report["checks"].as_array().unwrap().iter();
    let failed = checks.filter(|check| check["result"] == "fail");
    let failed: Vec<String> = failed
        .map(|check| check["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(finished.code, Some(i32::from(!failed.is_empty())));
    (failed, report)
}
