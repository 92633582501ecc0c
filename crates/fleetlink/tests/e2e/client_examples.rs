//! The examples of the client library, as its users would run them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::harness::{Hub, Output, PASSWORD};

/// An example of the client library, which cargo builds beside the program.
fn built(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_fleetlink"));
    let example = program
        .with_file_name("examples")
        .join(format!("client-{name}"));
    let advice = "is not built: cargo build -p fleetlink --examples";
    assert!(example.exists(), "{} {advice}", example.display());
    example
}

/// The example of this name, for a device that keeps its state in this folder.
fn example(name: &str, hub: &Hub, device: &str, folder: &Path) -> Command {
    let mut command = Command::new(built(name));
    command
        .arg(format!("{}#{}", hub.address, hub.pin()))
        .arg(device)
        .current_dir(folder)
        .env("FLEETLINK_STATE_DIR", folder.join("state"))
        .env_remove("FLEETLINK_PASSWORD");
    command
}

fn done(command: &mut Command) -> String {
    let output = command.output().expect("the example can be run");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("it prints text")
}

#[test]
fn the_sensor_uploads_and_needs_its_password_once() {
    let hub = Hub::start(&["porch-camera"]);
    let folder = tempfile::tempdir().unwrap();
    let sensor = || {
        let mut sensor = example("sensor", &hub, "porch-camera", folder.path());
        sensor.arg("temperature");
        sensor
    };
    let needy = sensor().arg("1").output().unwrap();
    assert!(!needy.status.success());
    let said = String::from_utf8_lossy(&needy.stderr);
    assert!(said.contains("its password is needed"), "{said}");
    let mut first = sensor();
    first.env("FLEETLINK_PASSWORD", PASSWORD);
    let shown = done(first.args(["21.5", "21.7"]));
    assert_eq!(shown, "the hub holds 2 samples\nAVERAGE: 21.6\nMAX: 21.7\n");
    let shown = done(sensor().arg("21.9"));
    assert!(shown.contains("AVERAGE: 21.7\n"), "{shown}");
}

/// Killed when dropped.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_file_goes_from_one_example_to_the_other() {
    let hub = Hub::start(&["porch-camera", "wei-smartphone"]);
    let (home, away) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut watch = example("watch", &hub, "wei-smartphone", home.path());
    watch.arg("inbox").env("FLEETLINK_PASSWORD", PASSWORD);
    let mut watching = Watching(watch.stdout(Stdio::piped()).spawn().unwrap());
    let mut seen = Output::of(watching.0.stdout.take().unwrap());
    seen.expect("present, as generation ");
    fs::write(away.path().join("lecture1.mp4"), "a lecture").unwrap();
    let mut send = example("send", &hub, "porch-camera", away.path());
    send.env("FLEETLINK_PASSWORD", PASSWORD);
    let sent = send.args(["wei-smartphone", "lecture1.mp4"]).output();
    let sent = sent.unwrap();
    assert!(sent.status.success(), "{sent:?}");
    let progress = String::from_utf8_lossy(&sent.stderr);
    assert!(
        progress.contains("lecture1.mp4: 9 of 9 bytes"),
        "{progress}"
    );
    let shown = String::from_utf8(sent.stdout).unwrap();
    let stored = "porch-camera_lecture1.mp4";
    assert_eq!(
        shown,
        format!("wei-smartphone has stored lecture1.mp4 as {stored}\n")
    );
    seen.expect("lecture1.mp4 from porch-camera is here as ");
    let path = seen.expect("\n");
    assert!(path.trim_end().ends_with(stored), "{path}");
    let content = fs::read(path.trim_end()).unwrap();
    assert_eq!(content, b"a lecture");
    // Somebody else takes the name over.
    let _other = hub.join("wei-smartphone");
    seen.to_end();
    assert!(!watching.0.wait().unwrap().success(), "it ends with why");
}
