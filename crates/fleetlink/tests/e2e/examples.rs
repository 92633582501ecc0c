//! The example clients, as a stranger would run them.

use std::fs;
use std::process::Command;

use crate::harness::{Hub, PASSWORD, eventually};

const CLIENT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/python/fleetlink_client.py"
);
const NILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/nile.txt");

fn client(hub: &Hub, pin: &str) -> std::process::Output {
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
