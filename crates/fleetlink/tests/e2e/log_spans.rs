//! Lines of the hub's log say to which device and request they belong.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Hub, eventually};

const DEVICE: &str = "supersmartwatch";

/// The lines of the log with this message.
fn lines(hub: &Hub, message: &str) -> Vec<Value> {
    let log = fs::read_to_string(hub.folder().join("log.txt")).unwrap();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let has = |line: &Value| line["fields"]["message"] == message;
    lines.filter(has).collect()
}

/// The field of a line's span of this name.
fn field<'a>(line: &'a Value, span: &str, field: &str) -> &'a Value {
    let spans = line["spans"].as_array().expect("the line is in a span");
    let named = spans.iter().find(|of| of["name"] == span);
    named.map_or(&Value::Null, |of| &of[field])
}

fn write_samples(folder: &Path, id: u32, count: usize) {
    let path = folder.join(format!("{DEVICE}-{id}.txt"));
    fs::write(path, "123456\n".repeat(count)).unwrap();
}

#[track_caller]
fn succeed(hub: &Hub, folder: &Path, device: &str, arguments: &[&str]) {
    let finished = hub.run(folder, device, arguments);
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

#[test]
fn each_answer_is_logged_with_its_device_and_request() {
    let hub = Hub::start_logged("fleetlink_hub=debug", &[DEVICE, "porch-camera"], &[]);
    let folder = tempfile::tempdir().unwrap();
    write_samples(folder.path(), 1, 2);
    succeed(&hub, folder.path(), DEVICE, &["data", "upload", "1"]);
    succeed(
        &hub,
        folder.path(),
        DEVICE,
        &["data", "compute", "1", "sum"],
    );
    let refused = hub.run(
        folder.path(),
        "porch-camera",
        &["data", "compute", "7", "sum"],
    );
    assert_ne!(refused.code, Some(0), "{refused:?}");

    let answered = |device: &str, method: &str, message: &str| {
        let lines = lines(&hub, message);
        let mut of = lines.iter().filter(|line| {
            field(line, "request", "method") == method
                && field(line, "connection", "device") == device
        });
        of.next().cloned()
    };
    let expected = [
        (DEVICE, "upload.open", "answered"),
        (DEVICE, "upload.commit", "answered"),
        (DEVICE, "file.compute", "answered"),
        ("porch-camera", "file.compute", "refused"),
    ];
    for (device, method, message) in expected {
        eventually(&format!("{message}: {method} of {device}"), || {
            answered(device, method, message).is_some()
        });
    }
    let line = answered("porch-camera", "file.compute", "refused").unwrap();
    assert_eq!(line["fields"]["code"], "no_such_file", "{line:#}");
    assert!(field(&line, "connection", "peer").is_string(), "{line:#}");
    assert!(field(&line, "connection", "session").is_u64(), "{line:#}");
    assert!(!field(&line, "request", "id").is_null(), "{line:#}");
    // Each device has sessions of its own, and none is shown another's name.
    for line in lines(&hub, "answered") {
        let method = field(&line, "request", "method");
        let device = field(&line, "connection", "device");
        assert!(device.is_string() || method == "hello", "{line:#}");
    }
}

#[test]
fn a_line_of_another_thread_says_which_device_and_request_it_is_about() {
    // Without a filter: an error has its spans whatever else is logged.
    let hub = Hub::start_logged("", &[DEVICE], &[]);
    let folder = tempfile::tempdir().unwrap();
    // More than the database keeps itself.
    write_samples(folder.path(), 1, 100_000);
    succeed(&hub, folder.path(), DEVICE, &["data", "upload", "1"]);
    let segments = fs::read_dir(hub.data().join("segments")).unwrap();
    let files = segments.map(|entry| entry.unwrap().path());
    let segment = files.into_iter().find(|path| path.is_file()).unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    bytes[1000] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let get = ["data", "get", "1", "got.txt"];
    let finished = hub.run(folder.path(), DEVICE, &get);
    assert_ne!(finished.code, Some(0), "{finished:?}");

    let message = "stored data are damaged";
    eventually(message, || !lines(&hub, message).is_empty());
    let line = lines(&hub, message).remove(0);
    assert_eq!(field(&line, "connection", "device"), DEVICE, "{line:#}");
    assert_eq!(
        field(&line, "request", "method"),
        "download.open",
        "{line:#}"
    );
}

#[test]
fn the_small_services_say_which_client_a_line_is_about() {
    let options = ["--sum", "127.0.0.1:0"];
    let hub = Hub::start_logged("number_exchange=debug", &[], &options);
    let mut output = hub.output.clone();
    output.expect("number exchange at ");
    let address = output.expect("\n");
    let mut client = TcpStream::connect(&address).expect(&address);
    let peer = client.local_addr().unwrap().to_string();
    client.write_all(b"Client of A Client: 25\n").unwrap();
    let mut reply = String::new();
    client.read_to_string(&mut reply).unwrap();

    let message = "[DEBUG] [handle_client]: Client connection closed";
    eventually(message, || !lines(&hub, message).is_empty());
    for line in lines(&hub, message) {
        assert_eq!(field(&line, "connection", "peer"), &peer, "{line:#}");
    }
}
