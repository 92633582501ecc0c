//! Rules about data by the API and by `fleetlink rule`.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Call, hub_with_page};
use crate::harness::Hub;

fn kinds_and_origins(rules: &Value) -> Vec<String> {
    let word = |rule: &Value, member: &str| match &rule[member] {
        Value::String(word) => word.clone(),
        other => other.to_string(),
    };
    let members = ["kind", "pattern", "value", "origin"];
    let line = |rule| members.map(|member| word(rule, member)).join(" ");
    rules.as_array().unwrap().iter().map(line).collect()
}

#[track_caller]
fn rule(hub: &Hub, arguments: &[&str]) -> String {
    let finished = hub.operate("rule", arguments, "");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    finished.stdout
}

#[test]
fn a_quota_that_an_administrator_sets_holds_at_once() {
    let options = ["--quota", "c*=100", "--retain", "log/*=90d"];
    let (hub, page) = hub_with_page(&["cam", "uav"], &options);
    let (administrator, viewer) = (hub.token("administrator"), hub.token("viewer"));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small.txt"), "1\n".repeat(40)).unwrap();
    let upload = |device: &str, file: &str| {
        let upload = ["data", "upload", file, "small.txt", "--json"];
        hub.run(folder.path(), device, &upload).code
    };
    let call = |token: &str, method, name: &str, value: Option<Value>| {
        let path = format!("/api/v1/rules{name}");
        let call = Call::new(page, method, &path).bearer(token);
        match value {
            Some(value) => call.json(&json!({ "value": value })).send(),
            None => call.send(),
        }
    };
    let listed = |token: &str| {
        let reply = call(token, "GET", "", None);
        assert_eq!(reply.status, 200, "{}", reply.text());
        kinds_and_origins(&reply.json()["items"])
    };
    let of_options = ["quota c* 100 option", "retain log/* 7776000 option"];
    assert_eq!(listed(&viewer), of_options);
    assert_eq!(upload("cam", "1"), Some(0));
    assert_eq!(upload("cam", "2"), Some(11));

    // Closer than the option's, and another one for a device that had none.
    for (name, value) in [("/quota/cam", json!(200)), ("/quota-files/u%2A", json!(1))] {
        let set = call(&administrator, "PUT", name, Some(value));
        assert_eq!(set.status, 204, "{}", set.text());
    }
    assert_eq!(upload("cam", "2"), Some(0));
    assert_eq!(upload("cam", "3"), Some(11));
    assert_eq!(upload("uav", "1"), Some(0));
    assert_eq!(upload("uav", "2"), Some(11));
    let all = [
        "quota cam 200 set",
        "quota c* 100 option",
        "quota-files u* 1 set",
        "retain log/* 7776000 option",
    ];
    assert_eq!(listed(&viewer), all);

    // Refused, and nothing is changed.
    for (token, method, name, value, status) in [
        (&viewer, "PUT", "/quota/cam", Some(json!(1)), 403),
        (&viewer, "DELETE", "/quota/cam", None, 403),
        (&administrator, "PUT", "/rate/cam", Some(json!(1)), 400),
        (&administrator, "PUT", "/quota/c%20m", Some(json!(1)), 400),
        (&administrator, "PUT", "/quota/cam", Some(json!(-1)), 422),
        (&administrator, "PUT", "/retain/x", Some(json!(5)), 400),
        (&administrator, "DELETE", "/quota/c%2A", None, 404),
    ] {
        let refused = call(token, method, name, value);
        assert_eq!(refused.status, status, "{name}: {}", refused.text());
        refused.problem();
    }
    assert_eq!(listed(&viewer), all);
    let removed = call(&administrator, "DELETE", "/quota-files/u%2A", None);
    assert_eq!(removed.status, 204, "{}", removed.text());
    assert_eq!(upload("uav", "2"), Some(0));

    let audit = Call::get(page, "/api/v1/audit?action=rule").bearer(&viewer);
    let audit = audit.send().json();
    let audit = audit["items"].as_array().unwrap();
    // What was refused is recorded a little later.
    let done = audit.iter().filter(|record| record["outcome"] == "done");
    let actions: Vec<_> = done.map(|record| &record["action"]).collect();
    assert_eq!(actions, ["rule.removed", "rule.set", "rule.set"]);
}

#[test]
fn the_operator_sets_lists_and_removes_rules_beside_a_hub_and_without_one() {
    let (mut hub, _) = hub_with_page(&["cam"], &["--quota-files", "*=5"]);
    let set = rule(&hub, &["set", "quota", "cam-*=10G"]);
    assert_eq!(set, "rule quota cam-* is set\n");
    rule(&hub, &["set", "retain", "cam-*:log/*=30d"]);
    rule(&hub, &["set", "quota", "cam=never"]);
    let listed = rule(&hub, &["list"]);
    let expected = [
        "quota; cam-*; 10737418240 bytes; set",
        "quota; cam; no bound; set",
        "quota-files; *; 5 data files; by option",
        "retain; cam-*:log/*; 2592000 seconds; set",
    ];
    assert_eq!(listed.lines().collect::<Vec<_>>(), expected);
    for (bad, said) in [
        (["set", "quota", "ca m=1"], "a pattern is made of"),
        (["set", "quota", "cam"], "expected the name of a device"),
        (["set", "retain", "log/*=1s"], "at least 1m"),
        (
            ["remove", "quota-files", "*"],
            "no rule quota-files * is set",
        ),
    ] {
        let refused = hub.operate("rule", &bad, "");
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(said), "{said}: {refused:?}");
    }
    hub.stop(Signal::TERM);
    rule(&hub, &["remove", "quota", "cam-*"]);
    let left: Value = serde_json::from_str(&rule(&hub, &["list", "--json"])).unwrap();
    let expected = ["quota cam null set", "retain cam-*:log/* 2592000 set"];
    assert_eq!(kinds_and_origins(&left["rules"]), expected);
}
