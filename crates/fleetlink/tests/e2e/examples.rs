//! The example clients, as a stranger would run them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::harness::{Hub, PASSWORD, eventually};

const CLIENT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/python/fleetlink_client.py"
);
const NILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/nile.txt");

fn client(hub: &Hub, pin: &str) -> Output {
    Command::new("python3")
        .arg(CLIENT)
        .args(["127.0.0.1", &hub.address.port().to_string()])
        .args(["supersmartwatch", "1", NILE, "--pin", pin])
        .env("FLEETLINK_PASSWORD", PASSWORD)
        .output()
        .expect("python3 is installed")
}

#[test]
fn the_python_client_joins_uploads_computes_and_lists() {
    let hub = Hub::start(&["supersmartwatch", "uav-camera"]);
    let _camera = hub.join("uav-camera");
    let output = client(&hub, &hub.pin());
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    for line in [
        "uploaded 100 samples",
        "SUM 91935",
        "AVERAGE 919.35",
        "MAX 1370",
        "MIN 456",
        "file 1 with 100 samples",
        "device uav-camera at 127.0.0.1",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    eventually("it has left", || hub.active() == ["uav-camera"]);
}

#[test]
fn the_python_client_checks_the_pin_before_it_says_anything() {
    let hub = Hub::start(&["supersmartwatch"]);
    let output = client(&hub, &format!("sha256:{}", "0".repeat(64)));
    assert!(!output.status.success());
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("pin"),
        "{output:?}"
    );
    let console = hub.output.so_far();
    assert!(!console.contains("supersmartwatch logged in"), "{console}");
}

#[test]
fn the_python_client_is_short() {
    let text = fs::read_to_string(CLIENT).unwrap();
    assert!(
        text.lines().count() < 120,
        "an example that nobody reads is none"
    );
}

const NODE_CLIENT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/node/fleetlink_client.mjs"
);

/// Runs the client in JavaScript; without a password it has the key in this file alone.
fn node_client(hub: &Hub, pin: &str, key: &Path, password: Option<&str>) -> Output {
    let mut command = Command::new("node");
    command
        .arg(NODE_CLIENT)
        .args(["127.0.0.1", &hub.address.port().to_string()])
        .args(["supersmartwatch", "body/temperature", NILE, pin])
        .arg(key)
        .env_remove("FLEETLINK_PASSWORD");
    if let Some(password) = password {
        command.env("FLEETLINK_PASSWORD", password);
    }
    command.output().expect("node is installed")
}

#[test]
fn the_node_client_enrols_a_key_and_then_needs_no_password() {
    let hub = Hub::start(&["supersmartwatch", "uav-camera"]);
    let _camera = hub.join("uav-camera");
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.pem");
    for (password, how) in [
        (Some(PASSWORD), "logged in by password, and enrolled a key"),
        (None, "logged in by key"),
    ] {
        let output = node_client(&hub, &hub.pin(), &key, password);
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{output:?}");
        for line in [
            how,
            "uploaded 100 samples",
            "SUM 91935",
            "AVERAGE 919.35",
            "MAX 1370",
            "MIN 456",
            "file body/temperature with 100 samples",
            "device uav-camera at 127.0.0.1",
        ] {
            assert!(shown.contains(line), "{line}: {shown}");
        }
        eventually("it has left", || hub.active() == ["uav-camera"]);
    }
    let mode = fs::metadata(&key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else reads the key");
}

#[test]
fn the_node_client_checks_the_pin_and_shows_why_it_is_refused() {
    let hub = Hub::start(&["supersmartwatch"]);
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.pem");
    let other = format!("sha256:{}", "0".repeat(64));
    let own = hub.pin();
    for (pin, password, why) in [
        (&other, PASSWORD, "its pin is sha256:"),
        (&own, "guess", "Invalid Password"),
    ] {
        let output = node_client(&hub, pin, &key, Some(password));
        assert_eq!(output.status.code(), Some(1));
        let shown = String::from_utf8_lossy(&output.stderr);
        assert!(shown.contains(why), "{output:?}");
        assert!(!key.exists(), "no key where nobody is logged in");
    }
    let console = hub.output.so_far();
    assert!(!console.contains("supersmartwatch logged in"), "{console}");
}

#[test]
fn the_node_client_is_short() {
    let lines = fs::read_to_string(NODE_CLIENT).unwrap().lines().count();
    assert!(lines < 170, "an example that nobody reads is none");
}
