//! UVF in the shell, as the specification has it.

use std::fs;
use std::net::SocketAddr;

use super::{content, listing, sparse, sparse_of};
use crate::harness::{Hub, PROMPT, Shell, eventually};

#[test]
fn two_shells_as_in_the_specification() {
    let hub = Hub::start(&["uav-camera", "wei-smartphone", "away"]);
    let (mut camera, mut phone) = (hub.join("uav-camera"), hub.join("wei-smartphone"));
    let first = content(3_000_000, 1);
    fs::write(camera.file("lecture1.mp4"), &first).unwrap();
    let send = |camera: &mut Shell, phone: &mut Shell, name: &str| {
        camera.send(&format!("UVF wei-smartphone {name}"));
        camera.output.expect(&format!("{name} has been uploaded"));
        let received = format!("Received {name} from uav-camera");
        phone.output.expect(&received);
    };
    send(&mut camera, &mut phone, "lecture1.mp4");
    let stored = |name: &str| fs::read(phone.file(name)).unwrap();
    assert!(stored("uav-camera_lecture1.mp4") == first);

    // Of two files of one name none is overwritten; one of no bytes and one with spaces arrive too.
    let second = content(70_000, 2);
    fs::write(camera.file("lecture1.mp4"), &second).unwrap();
    fs::write(camera.file("empty"), "").unwrap();
    fs::write(camera.file("my lecture.mp4"), "x").unwrap();
    let mut phone_output = phone.output.clone();
    for name in ["lecture1.mp4", "empty", "my lecture.mp4"] {
        camera.send(&format!("UVF wei-smartphone {name}"));
        camera.output.expect(&format!("{name} has been uploaded"));
        phone_output.expect(&format!("Received {name} from uav-camera"));
    }
    assert!(stored("uav-camera_lecture1.mp4") == first);
    assert!(stored("uav-camera_lecture1-2.mp4") == second);
    assert_eq!(stored("uav-camera_empty"), b"");
    assert_eq!(stored("uav-camera_my lecture.mp4"), b"x");
    assert_eq!(listing(phone.folder()).len(), 4);

    // And back, while the first prompt of the phone still stands.
    fs::write(phone.file("answer"), "y").unwrap();
    phone.send("UVF uav-camera answer");
    camera.output.expect("Received answer from wei-smartphone");
    phone_output.expect("answer has been uploaded");
    assert_eq!(
        fs::read(camera.file("wei-smartphone_answer")).unwrap(),
        b"y"
    );
}

#[test]
fn what_cannot_be_sent_is_explained() {
    let hub = Hub::start(&["uav-camera", "wei-smartphone"]);
    let mut camera = hub.join("uav-camera");
    fs::write(camera.file("a"), "x").unwrap();
    fs::create_dir(camera.file("folder")).unwrap();
    let usage = "UVF command requires deviceName and filename as arguments.";
    for (line, answer) in [
        ("UVF", usage),
        ("UVF wei-smartphone", usage),
        (
            "UVF wei-smartphone missing",
            "the file to be uploaded does not exist",
        ),
        ("UVF wei-smartphone a", "wei-smartphone is offline"),
        ("uvf nobody a", "nobody is offline"),
        ("transfers", "no transfers are under way"),
        ("cancel 1", "there is no transfer 1; see transfers"),
    ] {
        assert_eq!(camera.ask(line), answer, "{line}");
    }
    let mut phone = hub.join("wei-smartphone");
    assert!(
        camera
            .ask("UVF wei-smartphone folder")
            .contains("regular file")
    );
    assert!(camera.ask("UVF uav-camera a").contains("another device"));
    phone.send("OUT");
    assert_eq!(phone.wait(), Some(0));
    eventually("the phone is away", || hub.active() == ["uav-camera"]);
    assert_eq!(
        camera.ask("UVF wei-smartphone a"),
        "wei-smartphone is offline"
    );
}

#[test]
fn the_shell_goes_on_and_either_side_cancels() {
    let hub = Hub::start(&["uav-camera", "wei-smartphone"]);
    let (mut camera, mut phone) = (hub.join("uav-camera"), hub.join("wei-smartphone"));
    sparse(&camera.file("large"));
    for (by_sender, number) in [(true, 1), (false, 2)] {
        camera.send("UVF wei-smartphone large");
        eventually("it is on its way", || {
            phone
                .ask("transfers")
                .contains(&format!("{number}; large from uav-camera; "))
        });
        let listed = phone.ask("transfers");
        for part in [&format!("{number}; "), " of 4.2 GB; ", "/s; "] {
            assert!(listed.contains(part), "{part}: {listed}");
        }
        // Any address of this host: two devices look for the best way between them.
        let address = listed.rsplit("; ").next().unwrap();
        assert!(address.parse::<SocketAddr>().is_ok(), "{listed}");
        let (own, name) = match by_sender {
            true => (&mut camera, "uav-camera"),
            false => (&mut phone, "wei-smartphone"),
        };
        own.send(&format!("cancel {number}"));
        own.output
            .expect(&format!("cancelling transfer {number}: large "));
        camera
            .output
            .expect("large was not sent to wei-smartphone: ");
        let sender = camera.output.expect("\n");
        phone
            .output
            .expect("large from uav-camera was not received: ");
        let receiver = phone.output.expect("\n");
        let (own, other) = match by_sender {
            true => (sender, receiver),
            false => (receiver, sender),
        };
        assert_eq!(own, format!("cancelled by {name}"));
        // In words, or by the code alone where a block is cut short.
        assert!(
            other == own || other == "the peer ended it: cancelled",
            "{other}"
        );
        assert_eq!(listing(phone.folder()), [""; 0]);
    }
    camera.send("AED");
    camera.output.expect("wei-smartphone; 127.0.0.1; ");
}

/// A script does not wait for answers: it sends and leaves.
#[test]
fn a_script_that_leaves_at_once_loses_no_transfer() {
    let hub = Hub::start(&["uav-camera", "wei-smartphone"]);
    let mut phone = hub.join("wei-smartphone");
    let folder = tempfile::tempdir().unwrap();
    // Longer than the prompt waits for it.
    let bytes = 1 << 30;
    sparse_of(&folder.path().join("large"), bytes);
    let address = hub.address.to_string();
    let mut command = hub.command(folder.path(), "uav-camera", &["join", &address]);
    let finished = crate::harness::run(&mut command, "UVF wei-smartphone large\nOUT\n");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let uploaded = finished.stdout.find("large has been uploaded").unwrap();
    let bye = finished.stdout.find("Bye, uav-camera!").unwrap();
    assert!(uploaded < bye, "{finished:?}");
    phone.output.expect("Received large from uav-camera");
    let stored = fs::metadata(phone.file("uav-camera_large")).unwrap();
    assert_eq!(stored.len(), bytes);
}

/// The course's command keeps no key; a key of the process itself stands for it.
#[test]
fn the_courses_client_sends_and_receives() {
    let hub = Hub::start(&["a", "b"]);
    let port = hub.address.port().to_string();
    let start = || {
        let folder = tempfile::tempdir().unwrap();
        Shell::start_command(folder, &["client", "127.0.0.1", &port, "0"])
    };
    let (mut a, mut b) = (start(), start());
    a.login("a");
    b.login("b");
    fs::write(a.file("test.mp4"), "x").unwrap();
    a.send("UVF b test.mp4");
    a.output.expect("test.mp4 has been uploaded");
    b.output.expect("Received test.mp4 from a");
    assert_eq!(fs::read(b.file("a_test.mp4")).unwrap(), b"x");
    assert_eq!(listing(a.folder()), ["test.mp4"]);
}

#[test]
fn without_tls_it_is_said_why_nothing_is_sent() {
    let hub = Hub::start_with(&["a"], &["--plain"]);
    let mut a = Shell::start(hub.address, &["--plain"]);
    a.login("a");
    fs::write(a.file("x"), "x").unwrap();
    let said = a.ask("UVF b x");
    assert!(said.contains("without TLS no files go"), "{said}");
}

#[test]
fn a_device_is_reached_again_when_its_hub_is_back() {
    let mut hub = Hub::start(&["a", "b"]);
    let (mut a, mut b) = (hub.join("a"), hub.join("b"));
    hub.kill();
    for shell in [&mut a, &mut b] {
        shell.output.expect("The hub is away");
    }
    hub.restart();
    for shell in [&mut a, &mut b] {
        shell.output.expect("The hub is back");
    }
    fs::write(a.file("x"), "x").unwrap();
    a.send("UVF b x");
    a.output.expect("x has been uploaded");
    b.output.expect("Received x from a");
    a.output.expect(PROMPT);
}

/// Somebody who knows the password alone, where the name has a key.
#[test]
fn without_the_devices_key_nothing_is_sent_in_its_name() {
    let hub = Hub::start(&["a", "b"]);
    let mut owner = hub.join("a");
    owner.send("OUT");
    assert_eq!(owner.wait(), Some(0));
    let b = hub.join("b");
    let port = hub.address.port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut other = Shell::start_command(folder, &["client", "127.0.0.1", &port, "0"]);
    other.login("a");
    fs::write(other.file("x"), "x").unwrap();
    let said = other.ask("UVF b x");
    assert!(said.contains("by another key"), "{said}");
    assert_eq!(listing(b.folder()), [""; 0]);
}
