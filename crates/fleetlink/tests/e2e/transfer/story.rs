//! A person at a terminal.

use std::fs;

use rustix::process::Signal;

use super::sparse;
use crate::harness::{Hub, PROMPT, Terminal};

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
