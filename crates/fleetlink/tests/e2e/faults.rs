//! Faults of an earlier program, which this one must not have.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Hub, PASSWORD, Shell, eventually, fleetlink, network};

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
    eventually("both are listed", || hub.active().len() == 2);
    assert!(newer.ask("AED").starts_with("b; "));
}

#[test]
fn a_device_that_slept_through_its_replacement_takes_nothing_back() {
    let hub = Hub::start_with(&["a", "b"], &["--keep-alive", "500ms"]);
    let mut slept = hub.join("a");
    eventually("it is listed", || hub.active() == ["a"]);
    slept.signal(Signal::STOP);
    eventually("it is gone", || hub.active().is_empty());
    let mut newer = hub.join("a");
    eventually("the newer is listed", || hub.active() == ["a"]);
    slept.signal(Signal::CONT);
    assert_eq!(slept.wait(), Some(10), "it is told and does not come back");
    let said = slept.output.so_far();
    assert!(
        said.contains("the same name joined from elsewhere"),
        "{said}"
    );
    assert_eq!(newer.ask("AED"), "no other active edge devices");
    assert_eq!(hub.active(), ["a"]);
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
fn a_hub_whose_output_nobody_reads_ends_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("list"), format!("a {PASSWORD}\n")).unwrap();
    let mut hub = fleetlink(folder.path())
        .args(["hub", "--listen", "127.0.0.1:0", "--data", "data"])
        .args(["--credentials", "list"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Open to the end, and read no further than the start.
    let mut output = BufReader::new(hub.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap().to_owned();
    while !line.starts_with("devices join with") {
        line.clear();
        output.read_line(&mut line).unwrap();
    }
    let mut device =
        Shell::start_command(tempfile::tempdir().unwrap(), &["join", "127.0.0.1", &port]);
    device.login("a");
    // More lines than a pipe and the hub's queues hold.
    for _ in 0..2500 {
        assert_eq!(device.ask("AED"), "no other active edge devices");
    }
    let pid = Pid::from_raw(i32::try_from(hub.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let asked = Instant::now();
    let mut ended = None;
    while ended.is_none() && asked.elapsed() < Duration::from_secs(10) {
        ended = hub.try_wait().unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    // It may have ended already.
    let _ = hub.kill();
    hub.wait().unwrap();
    assert_eq!(ended.and_then(|status| status.code()), Some(0));
    drop(output);
}

#[test]
fn the_hub_drains_and_ends_with_success() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut hub = Hub::start(&["a"]);
        let _device = hub.join("a");
        assert_eq!(hub.stop(signal), Some(0), "{signal:?}");
    }
}
