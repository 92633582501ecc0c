//! `fleetlink status`: a running hub at one look.

use serde_json::Value;

use crate::harness::{Hub, eventually, fleetlink, run};

#[test]
fn a_running_hub_tells_how_it_and_its_devices_are() {
    let hub = Hub::start_with(&["cam", "lamp"], &["--http", "127.0.0.1:0"]);
    let _shell = hub.join("cam");
    let finished = hub.operate("status", &["--json"], "");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let document: Value = serde_json::from_str(&finished.stdout).unwrap();
    let hubs = &document["hub"];
    assert_eq!(hubs["address"], hub.address.to_string());
    assert_eq!(hubs["pin"], hub.pin());
    assert_eq!((&hubs["present"], &hubs["known"]), (&1.into(), &2.into()));
    assert!(hubs["free_bytes"].as_u64().unwrap() > 0 && document["rates"].is_object());
    let devices = document["devices"].as_array().unwrap();
    let names: Vec<_> = devices.iter().map(|device| &device["name"]).collect();
    assert_eq!(names, ["cam", "lamp"]);
    assert!(devices[0]["joined"].is_string() && devices[1]["last_seen"].is_null());

    let finished = hub.operate("status", &["--present"], "");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(
        finished.stdout.contains("devices: 1 present of 2"),
        "{finished:?}"
    );
    let lines: Vec<_> = finished.stdout.lines().collect();
    assert!(
        lines.iter().any(|line| line.starts_with("cam ")),
        "{lines:?}"
    );
    assert!(
        !lines.iter().any(|line| line.starts_with("lamp ")),
        "{lines:?}"
    );
    // No terminal cuts what a pipe takes.
    let heartbeat = |line: &str| line.split("  ").any(|part| part.len() == 48);
    assert!(lines.iter().any(|line| heartbeat(line)), "{lines:?}");
    assert!(!finished.stdout.contains('…'), "{lines:?}");
}

#[test]
fn no_hub_is_an_exit_code_of_its_own_and_its_data_stay_as_they_are() {
    let mut hub = Hub::start(&["cam"]);
    hub.kill();
    eventually("nobody holds the data", || {
        hub.operate("status", &[], "").code == Some(5)
    });
    let finished = hub.operate("status", &["--json"], "");
    let document: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(document["error"]["code"], "unreachable", "{finished:?}");
    let empty = tempfile::tempdir().unwrap();
    let mut command = fleetlink(empty.path());
    command.args(["status", "--data", "nothing"]);
    let finished = run(&mut command, "");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(!empty.path().join("nothing").exists());
}
