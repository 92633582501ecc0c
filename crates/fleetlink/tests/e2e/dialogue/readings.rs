//! A person's readings under the name of a generated file.

use std::fs;

use super::joined;
use crate::harness::{Hub, PROMPT, fleetlink, run};

#[test]
fn the_shell_overwrites_what_it_generated_and_nothing_else() {
    let hub = Hub::start(&["supersmartwatch"]);
    let mut watch = joined(&hub, "supersmartwatch");
    let path = watch.file("supersmartwatch-1.txt");
    fs::write(&path, "21.5\n21.7\n").unwrap();
    let issue = |watch: &mut crate::harness::Terminal, command: &str, shown: &str| {
        watch.type_line(command);
        watch.output.expect(shown);
        watch.output.expect(PROMPT);
    };
    issue(&mut watch, "EDG 1 5", "exists and is not overwritten");
    assert_eq!(fs::read_to_string(&path).unwrap(), "21.5\n21.7\n");
    issue(
        &mut watch,
        "EDG 1 5 --force",
        "5 data samples have been generated",
    );
    issue(&mut watch, "EDG 1 6", "6 data samples have been generated");
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 6);
    fs::write(&path, "21.5\n").unwrap();
    issue(&mut watch, "edg 1 7", "exists and is not overwritten");
    assert_eq!(fs::read_to_string(&path).unwrap(), "21.5\n");
}

#[test]
fn the_command_does_as_the_shell_and_in_json_too() {
    let folder = tempfile::tempdir().unwrap();
    let generate = |options: &[&str]| {
        let arguments = ["data", "generate", "1", "5", "--device", "d"];
        run(fleetlink(folder.path()).args(arguments).args(options), "")
    };
    let path = folder.path().join("d-1.txt");
    assert_eq!(generate(&[]).code, Some(0));
    assert_eq!(generate(&[]).code, Some(0), "generated before");
    fs::write(&path, "21.5\n").unwrap();
    let refused = generate(&[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("--force"), "{refused:?}");
    let refused = generate(&["--json"]);
    assert!(refused.stdout.contains("is not overwritten"), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "21.5\n");
    assert_eq!(generate(&["--force"]).code, Some(0));
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 5);
}
