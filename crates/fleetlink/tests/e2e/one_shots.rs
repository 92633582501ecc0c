//! The commands for scripts: they attach and do not join.

use std::fs;

use serde_json::Value;

use crate::harness::{Hub, PASSWORD, eventually, fleetlink, run};

const DEVICE: &str = "supersmartwatch";

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text:?}"))
}

#[test]
fn a_script_makes_uploads_appends_computes_fetches_and_deletes() {
    let hub = Hub::start(&[DEVICE]);
    let mut joined = hub.join(DEVICE);
    let folder = tempfile::tempdir().unwrap();
    let json = |arguments: &[&str], input: &str| {
        let mut command = hub.command(folder.path(), DEVICE, arguments);
        let finished = run(command.arg("--json"), input);
        assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
        document(&finished.stdout)
    };
    json(&["data", "generate", "5", "1000"], "");
    let made = fs::read_to_string(folder.path().join(format!("{DEVICE}-5.txt"))).unwrap();
    assert_eq!(made.lines().count(), 1000);

    let receipt = json(&["data", "upload", "1", "-"], "1\n2\n3");
    assert_eq!(receipt["samples"], 3);
    json(&["data", "append", "1", "-"], "4\n");
    let sum = json(&["data", "compute", "1", "SUM"], "");
    assert_eq!((&sum["result"], &sum["samples"]), (&"10".into(), &4.into()));
    let list = json(&["data", "list"], "");
    assert_eq!(list["files"][0]["segments"], 2);
    json(&["data", "get", "1", "fetched.txt"], "");
    // The joint of two uploads gets the newline that the first one lacks.
    assert_eq!(
        fs::read_to_string(folder.path().join("fetched.txt")).unwrap(),
        "1\n2\n3\n4\n"
    );
    let devices = json(&["device", "list"], "");
    assert!(
        devices["devices"].as_array().unwrap().is_empty(),
        "the others: {devices}"
    );
    json(&["data", "delete", "1"], "");

    // None of this displaced the joined session.
    assert_eq!(joined.ask("AED"), "no other active edge devices");
    // The file is true within 250 ms.
    eventually("it is active", || hub.active() == [DEVICE]);
}

#[test]
fn failures_have_codes_of_their_own() {
    let hub = Hub::start_with(&[DEVICE], &["--max-attempts", "1"]);
    let folder = tempfile::tempdir().unwrap();
    let code = |arguments: &[&str], input: &str| {
        let mut command = hub.command(folder.path(), DEVICE, arguments);
        let finished = run(command.arg("--json"), input);
        let code = document(&finished.stdout)["error"]["code"]
            .as_str()
            .unwrap()
            .to_owned();
        (finished.code, code)
    };
    assert_eq!(
        code(&["data", "compute", "9", "SUM"], ""),
        (Some(8), "no_such_file".to_owned())
    );
    assert_eq!(
        code(&["data", "upload", "1", "-"], "x\n"),
        (Some(9), "bad_line".to_owned())
    );
    assert_eq!(code(&["data", "upload", "1", "missing"], "").0, Some(8));
    assert_eq!(
        code(&["data", "upload", "a//b"], ""),
        (Some(2), "usage".to_owned())
    );

    let wrong = |expected: (Option<i32>, &str)| {
        let mut command = hub.command(folder.path(), DEVICE, &["data", "list", "--json"]);
        let finished = run(command.env("FLEETLINK_PASSWORD", "guess"), "");
        let error = document(&finished.stdout);
        assert_eq!(
            (finished.code, error["error"]["code"].as_str().unwrap()),
            expected
        );
        assert!(!finished.stdout.contains("guess") && !finished.stderr.contains("guess"));
    };
    wrong((Some(4), "now_blocked"));
    wrong((Some(4), "blocked"));
}

#[test]
fn passwords_come_from_a_file_or_standard_input_but_not_from_arguments() {
    let hub = Hub::start(&[DEVICE]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).unwrap();
    let list = |arguments: &[&str], input: &str| {
        let mut command = hub.command(folder.path(), DEVICE, &["data", "list"]);
        run(
            command.env_remove("FLEETLINK_PASSWORD").args(arguments),
            input,
        )
        .code
    };
    assert_eq!(list(&["--password-file", "password"], ""), Some(0));
    assert_eq!(
        list(&["--password-stdin"], &format!("{PASSWORD}\n")),
        Some(0)
    );
    assert_eq!(list(&["--password", PASSWORD], ""), Some(2));
    assert_eq!(list(&[], ""), Some(2), "nobody is there to be asked");
    let help = run(fleetlink(folder.path()).arg("--help"), "");
    assert!(help.stdout.contains("Exit codes"), "{help:?}");
}
