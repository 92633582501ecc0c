//! The addresses of a device: not always the one that its hub sees, and not always IPv4.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::network::receiving;
use super::{content, event};
use crate::harness::network::{Family, Network};
use crate::harness::{Finished, Hub, eventually, run};

/// Longer than a dial may take, with the login before it on a busy host.
const DIAL: Duration = Duration::from_secs(10);

/// Sends a file from the device's host to the receiver `box`, whose folder is `home`: where the
/// receiver was reached.
#[track_caller]
fn send(network: &Network, hub: &Hub, home: &Path, file: &str) -> SocketAddr {
    let folder = tempfile::tempdir().unwrap();
    let sent = content(3_000_000, 5);
    fs::write(folder.path().join(file), &sent).unwrap();
    let finished = try_send(network, hub, folder.path(), file);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let stored = fs::read(home.join("inbox").join(format!("cam_{file}"))).unwrap();
    assert!(stored == sent);
    let document: Value = serde_json::from_str(&finished.stdout).unwrap();
    document["address"].as_str().unwrap().parse().unwrap()
}

fn try_send(network: &Network, hub: &Hub, folder: &Path, file: &str) -> Finished {
    let send = ["send", "box", file, "--json", "--pin", &hub.pin()];
    run(
        &mut network.on_device(&hub.command(folder, "cam", &send)),
        "",
    )
}

/// The hub sees it at 127.0.0.1, which is somebody else for everybody else.
#[test]
fn a_receiver_that_joined_over_loopback_is_reached_from_another_host() {
    let Some(network) = Network::make() else {
        return;
    };
    let mut hub = Hub::start_everywhere_in(&network, &["cam", "box"]);
    let home = tempfile::tempdir().unwrap();
    let mut receiver = receiving(&network, &hub, home.path());
    hub.address.set_ip([10, 77, 0, 1].into());
    let address = send(&network, &hub, home.path(), "a.mp4");
    assert_eq!(address.ip().to_string(), "10.77.0.1");
    event(&mut receiver.output, "stored");
}

/// An address that the receiver got after it joined, and the only one where packets get through.
#[test]
fn a_hub_hears_of_an_interface_that_comes_later() {
    let Some(network) = Network::make() else {
        return;
    };
    let hub = Hub::start_in(&network, &["cam", "box"], &[]);
    let home = tempfile::tempdir().unwrap();
    let mut receiver = receiving(&network, &hub, home.path());
    let later = network.add_cable();
    network.cut_udp("10.77.0.1");
    // Until the hub has heard of it, nothing gets through: each try ends with its deadline.
    let began = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "x").unwrap();
    loop {
        let finished = try_send(&network, &hub, folder.path(), "a");
        if finished.code == Some(0) {
            let reached = format!("\"address\":\"{later}:");
            assert!(finished.stdout.contains(&reached), "{finished:?}");
            break;
        }
        assert!(began.elapsed() < 6 * DIAL, "{finished:?}");
    }
    event(&mut receiver.output, "stored");
}

#[test]
fn files_go_over_ipv6_alone() {
    let Some(network) = Network::make_of(Family::V6) else {
        return;
    };
    let hub = Hub::start_in(&network, &["cam", "box"], &[]);
    let home = tempfile::tempdir().unwrap();
    let mut receiver = receiving(&network, &hub, home.path());
    let address = send(&network, &hub, home.path(), "a.mp4");
    assert_eq!(address.ip().to_string(), "fd77::1");
    event(&mut receiver.output, "stored");
}

/// The hub sees both over IPv4, over which no UDP passes.
#[test]
fn where_ipv4_is_cut_files_go_over_ipv6() {
    let Some(network) = Network::make_of(Family::Both) else {
        return;
    };
    let hub = Hub::start_in(&network, &["cam", "box"], &[]);
    let home = tempfile::tempdir().unwrap();
    let mut receiver = receiving(&network, &hub, home.path());
    network.cut_udp("0.0.0.0/0");
    let began = Instant::now();
    let address = send(&network, &hub, home.path(), "a.mp4");
    assert_eq!(address.ip().to_string(), "fd77::1");
    assert!(began.elapsed() < DIAL, "{:?}", began.elapsed());
    event(&mut receiver.output, "stored");
}

#[test]
fn files_go_over_ipv6_loopback() {
    let hub = Hub::start_listening("[::1]:0", &["cam", "box"]);
    let (mut cam, mut receiver) = (hub.join("cam"), hub.join("box"));
    assert!(cam.ask("AED").starts_with("box; ::1; "));
    fs::write(cam.file("a"), content(1_000_000, 9)).unwrap();
    cam.send("UVF box a");
    cam.output.expect("a has been uploaded");
    receiver.output.expect("Received a from cam");
    assert!(fs::read(receiver.file("cam_a")).unwrap() == content(1_000_000, 9));
}

/// A hub at `[::]` sees IPv4 devices at IPv4-mapped addresses; nobody else does.
#[test]
fn an_ipv4_address_is_shown_as_one() {
    let mut hub = Hub::start_listening("[::]:0", &["cam", "box"]);
    hub.address.set_ip([127, 0, 0, 1].into());
    let (mut cam, mut receiver) = (hub.join("cam"), hub.join("box"));
    assert!(cam.ask("AED").starts_with("box; 127.0.0.1; "));
    fs::write(cam.file("a"), "x").unwrap();
    cam.send("UVF box a");
    receiver.output.expect("Received a from cam");
    let listed = || hub.log("edge-device-log.txt");
    eventually("the log lists both", || listed().lines().count() == 2);
    assert_eq!(listed().matches("; 127.0.0.1; ").count(), 2);
}
