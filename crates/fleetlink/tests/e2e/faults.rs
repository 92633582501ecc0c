//! What the old program got wrong.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{Hub, Shell, eventually, network};

#[test]
fn a_device_that_is_interrupted_or_killed_leaves_the_list_at_once() {
    let hub = Hub::start_with(&["a", "b", "c"], &["--keep-alive", "60s"]);
    let (interrupted, killed) = (hub.join("a"), hub.join("b"));
    let mut stays = hub.join("c");
    eventually("three are listed", || hub.active() == ["a", "b", "c"]);
    interrupted.signal(Signal::INT);
    eventually("a is gone", || hub.active() == ["b", "c"]);
    killed.signal(Signal::KILL);
    eventually("b is gone", || hub.active() == ["c"]);
    assert_eq!(stays.ask("AED"), "no other active edge devices");
}

#[test]
fn a_device_whose_cable_is_cut_leaves_within_two_keep_alives_and_comes_back() {
    let Some(network) = network::Network::make() else {
        return;
    };
    let hub = Hub::start_in(&network, &["a"], &["--keep-alive", "2s"]);
    let mut device = Shell::start_in(&network, hub.address, &hub.pin());
    device.login("a");
    eventually("it is listed", || hub.active() == ["a"]);

    network.drop_packets();
    let cut = Instant::now();
    eventually("it is gone", || hub.active().is_empty());
    // Two keep-alives, the quarter of a second of the log file, and a busy machine's delay.
    assert!(
        cut.elapsed() < Duration::from_secs(6),
        "after {:?}",
        cut.elapsed()
    );

    network.pass_packets();
    eventually("it is back", || hub.active() == ["a"]);
    device.send("AED");
    device.output.expect("no other active edge devices");
}

#[test]
fn the_newest_join_takes_over_and_a_late_farewell_changes_nothing() {
    let hub = Hub::start(&["a", "b"]);
    let mut observer = hub.join("b");
    let mut older = hub.join("a");
    let first = observer.ask("AED");
    let mut newer = hub.join("a");
    assert_ne!(
        older.wait(),
        Some(0),
        "the older is told and does not come back"
    );
    assert!(
        older.output.so_far().contains("joined"),
        "{}",
        older.output.so_far()
    );

    let second = observer.ask("AED");
    assert_eq!(second.lines().count(), 1, "{second}");
    assert_ne!(first, second, "the port is that of the newer");
    eventually("each is listed once", || hub.active().len() == 2);
    assert!(newer.ask("AED").starts_with("b; "));
}

#[test]
fn binary_garbage_ends_its_own_session_alone() {
    let hub = Hub::start_with(&["a"], &["--plain"]);
    let (host, port) = (hub.address.ip().to_string(), hub.address.port().to_string());
    let folder = tempfile::tempdir().unwrap();
    let mut device = Shell::start_command(folder, &["join", &host, &port, "--plain"]);
    device.login("a");
    for seed in 0..50u8 {
        let mut stream = TcpStream::connect(hub.address).unwrap();
        let noise: Vec<u8> = (0..4096u32)
            .map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()[usize::from(seed % 4)] ^ seed)
            .collect();
        // The hub may close before it has taken everything.
        let _ = stream.write_all(&noise);
        let _ = stream.write_all(b"\n");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
    }
    assert_eq!(device.ask("AED"), "no other active edge devices");
}

#[test]
fn devices_come_back_when_the_hub_does() {
    let mut hub = Hub::start(&["a", "b"]);
    let (mut first, second) = (hub.join("a"), hub.join("b"));
    assert_eq!(hub.stop(Signal::TERM), Some(0));
    hub.restart();
    eventually("both are back", || hub.active().len() == 2);
    first.send("AED");
    first.output.expect("b; 127.0.0.1; ");
    drop(second);
}

#[test]
fn the_hub_drains_and_ends_with_success() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut hub = Hub::start(&["a"]);
        let _device = hub.join("a");
        assert_eq!(hub.stop(signal), Some(0), "{signal:?}");
    }
}
