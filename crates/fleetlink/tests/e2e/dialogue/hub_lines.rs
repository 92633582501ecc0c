//! The hub's own lines: as the assignment prints them, with times, and as JSON.

use std::fs;

use serde_json::Value;

use super::joined;
use crate::harness::{Hub, PROMPT, Terminal};

fn issue(watch: &mut Terminal, command: &str) {
    watch.type_line(command);
    watch.output.expect(PROMPT);
}

/// The hub's lines from the first join to the end of the device's presence.
fn session(hub: &Hub) -> Vec<String> {
    let _phone = joined(hub, "wei-smartphone");
    let mut watch = joined(hub, "supersmartwatch");
    fs::write(watch.file("supersmartwatch-1.txt"), "1\n2\n").unwrap();
    for command in ["AED", "UED 1", "SCS 1 SUM", "DTE 1", "DTE 1"] {
        issue(&mut watch, command);
    }
    watch.type_line("OUT");
    assert!(watch.wait());
    hub.output
        .clone()
        .expect("supersmartwatch exited the edge network");
    let shown = hub.output.so_far();
    let all = shown.lines().map(str::to_owned);
    all.skip_while(|line| !line.contains("supersmartwatch logged in"))
        .filter(|line| !line.contains("has a key"))
        .collect()
}

#[test]
fn each_interaction_is_a_line_that_begins_as_the_assignment_prints_it() {
    let hub = Hub::start(&["supersmartwatch", "wei-smartphone"]);
    let lines = session(&hub);
    let begins = [
        "supersmartwatch logged in from 127.0.0.1",
        "supersmartwatch joined the edge network from 127.0.0.1, UDP port ",
        "Edge device supersmartwatch issued AED command",
        "Return message to supersmartwatch: wei-smartphone; 127.0.0.1; ",
        "Edge device supersmartwatch issued UED command",
        "The file with ID of 1 has been received, upload-log.txt file has been updated",
        "Edge device supersmartwatch issued SCS command",
        "Return message to supersmartwatch: Computation (SUM) result on the file (ID:1) is: 3",
        "Edge device supersmartwatch issued DTE command",
        "The file with ID of 1 has been removed, deletion-log.txt file has been updated",
        "Return message to supersmartwatch: file with ID of 1 has been successfully removed from \
         the central server",
        "Edge device supersmartwatch issued DTE command",
        "DTE command of supersmartwatch was refused: the file does not exist at the server side",
        "supersmartwatch exited the edge network",
    ];
    assert_eq!(lines.len(), begins.len(), "{lines:#?}");
    for (line, begins) in lines.iter().zip(begins) {
        assert!(
            line.starts_with(begins),
            "{line} does not begin with {begins}"
        );
    }
}

#[test]
fn a_join_at_a_terminal_shows_no_command_that_nobody_typed() {
    let hub = Hub::start(&["supersmartwatch"]);
    let mut watch = joined(&hub, "supersmartwatch");
    watch.type_line("OUT");
    assert!(watch.wait());
    hub.output
        .clone()
        .expect("supersmartwatch exited the edge network");
    let shown = hub.output.so_far();
    assert!(!shown.contains("issued"), "{shown}");
}

#[test]
fn times_stand_in_front_where_they_are_asked_for() {
    let hub = Hub::start_with(&["supersmartwatch", "wei-smartphone"], &["--times"]);
    for line in session(&hub) {
        let (time, line) = line.split_once("; ").unwrap();
        let words: Vec<&str> = time.split(' ').collect();
        assert_eq!(words.len(), 4, "day month year time: {time}");
        assert_eq!(words[3].len(), "10:31:13".len(), "{time}");
        assert!(!line.is_empty());
    }
}

#[test]
fn a_program_reads_json() {
    let options = ["--event-format", "json"];
    let hub = Hub::start_with(&["supersmartwatch", "wei-smartphone"], &options);
    let lines = session(&hub);
    let events: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |name: &str, command: &str| {
        let found = events
            .iter()
            .find(|event| event["event"] == name && event["command"] == command);
        found.unwrap_or_else(|| panic!("{name} {command} in {events:#?}"))
    };
    assert_eq!(of("issued", "AED")["device"], "supersmartwatch");
    assert_eq!(
        of("returned", "AED")["devices"][0]["name"],
        "wei-smartphone"
    );
    assert_eq!(of("returned", "SCS")["result"]["result"], "3");
    assert_eq!(of("refused", "DTE")["device"], "supersmartwatch");
    assert_eq!(events.last().unwrap()["reason"], "goodbye");
    assert!(events.iter().all(|event| event["message"].is_string()));
    // From the first line to the last there is nothing but JSON.
    for line in hub.output.so_far().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert!(event["time"].is_string(), "{line}");
    }
}

#[test]
fn a_name_from_outside_forges_no_line() {
    let mut hub = Hub::start(&["supersmartwatch"]);
    let mut watch = super::client(&hub);
    watch.output.expect("Username:");
    watch.type_keys("x\u{202e}supersmartwatch exited\r");
    watch.output.expect("Password:");
    watch.type_line("wrong");
    watch.output.expect("Invalid Password");
    hub.output
        .expect("login of x\\u{202e}supersmartwatch exited from 127.0.0.1 failed");
}
