//! A person at a terminal.

use std::fs;

use rustix::process::Signal;

use super::{event, receiving, sparse};
use crate::harness::{Hub, PASSWORD, PROMPT, Terminal};

#[test]
fn a_person_sends_goes_on_and_is_asked_before_leaving() {
    let hub = Hub::start(&["uav-camera", "wei-smartphone"]);
    let mut phone = hub.join("wei-smartphone");
    let (host, port) = (hub.address.ip().to_string(), hub.address.port().to_string());
    let mut camera = Terminal::start(&["join", &host, &port]);
    camera.login("uav-camera");
    // What arrives is shown above the prompt that stands there.
    fs::write(phone.file("hello"), "x").unwrap();
    phone.send("UVF uav-camera hello");
    camera.output.expect("Received hello from wei-smartphone");
    assert_eq!(fs::read(camera.file("wei-smartphone_hello")).unwrap(), b"x");
    // It sleeps: the transfer has begun and does not go on.
    phone.signal(Signal::STOP);
    sparse(&camera.file("large"));
    camera.type_line("UVF wei-smartphone large");
    camera
        .output
        .expect("large is being sent to wei-smartphone: transfer ");
    camera.output.expect(PROMPT);
    camera.type_line("AED");
    camera.output.expect("wei-smartphone; 127.0.0.1; ");
    camera.type_line("OUT");
    camera.output.expect("Files are under way");
    camera.type_line("OUT");
    camera.output.expect("Bye, uav-camera!");
    assert!(camera.wait());
}

#[test]
fn a_long_file_has_a_bar_with_rate_and_address() {
    let hub = Hub::start(&["cam", "box"]);
    let home = tempfile::tempdir().unwrap();
    let mut receiver = receiving(&hub, home.path(), "box", &[]);
    let address = hub.address.to_string();
    // In the terminal's own folder, which is there before the file is asked for.
    let source = tempfile::tempdir().unwrap();
    let path = source.path().join("large");
    sparse(&path);
    let path = path.to_str().unwrap();
    let arguments = ["send", "box", path, "--hub", &address, "--device", "cam"];
    let mut camera = Terminal::start(&arguments);
    camera.output.expect("Password:");
    camera.type_line(PASSWORD);
    camera.output.expect("large to box ");
    camera.output.expect(" MB/s, ");
    camera.output.expect(" left, ");
    // Any address of this host: two devices look for the best way between them.
    let host = camera.output.expect(":");
    assert!(
        host.starts_with(|c: char| c == '[' || c.is_ascii_digit()),
        "{host}"
    );
    camera.type_keys("\u{3}");
    assert!(!camera.wait());
    assert_eq!(event(&mut receiver.output, "failed")["code"], "cancelled");
}
