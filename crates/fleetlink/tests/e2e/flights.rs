//! The number of times that a command waits for its hub: flights of calls, counted by a proxy between the
//! two.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::harness::{Hub, PASSWORD, fleetlink, run};

const DEVICE: &str = "supersmartwatch";

/// The methods that a device sent, in flights: what it sent without waiting for an answer.
#[derive(Default)]
struct Flights {
    flights: Vec<Vec<String>>,
    /// The hub has answered since the last flight.
    answered: bool,
}

impl Flights {
    fn called(&mut self, text: &str) {
        let methods = text.split("\"method\":\"").skip(1);
        let methods = methods.filter_map(|rest| rest.split('"').next());
        // A sign of life waits for nothing.
        let methods: Vec<_> = methods.filter(|method| *method != "ping").collect();
        if methods.is_empty() {
            return;
        }
        if std::mem::take(&mut self.answered) || self.flights.is_empty() {
            self.flights.push(Vec::new());
        }
        let last = self.flights.last_mut().unwrap();
        last.extend(methods.into_iter().map(str::to_owned));
    }
}

/// A proxy to this hub, and the flights that it has seen.
fn counting_proxy(hub: SocketAddr) -> (SocketAddr, Arc<Mutex<Flights>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::<Mutex<Flights>>::default();
    let shared = Arc::clone(&seen);
    thread::spawn(move || {
        while let Ok((device, _)) = listener.accept() {
            let hub = TcpStream::connect(hub).unwrap();
            let (to_device, to_hub) = (device.try_clone().unwrap(), hub.try_clone().unwrap());
            let (calls, answers) = (Arc::clone(&shared), Arc::clone(&shared));
            thread::spawn(move || {
                forward(device, to_hub, |text| calls.lock().unwrap().called(text));
            });
            thread::spawn(move || {
                forward(hub, to_device, |text| {
                    if !text.contains("\"clock\"") {
                        answers.lock().unwrap().answered = true;
                    }
                });
            });
        }
    });
    (address, seen)
}

/// Notes each piece before it passes.
fn forward(mut from: TcpStream, mut to: TcpStream, note: impl Fn(&str)) {
    let mut buffer = vec![0; 256 * 1024];
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        note(&String::from_utf8_lossy(&buffer[..bytes]));
        if to.write_all(&buffer[..bytes]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// The flights of this command that carry calls of an upload.
fn uploading(arguments: &[&str], input: &str) -> Vec<Vec<String>> {
    let hub = Hub::start_with(&[DEVICE], &["--plain"]);
    let (proxy, seen) = counting_proxy(hub.address);
    let folder = tempfile::tempdir().unwrap();
    let mut command = fleetlink(folder.path());
    command
        .args(arguments)
        .arg("--plain")
        .env("FLEETLINK_HUB", proxy.to_string())
        .env("FLEETLINK_DEVICE", DEVICE)
        .env("FLEETLINK_PASSWORD", PASSWORD);
    let finished = run(&mut command, input);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let mut flights = std::mem::take(&mut seen.lock().unwrap().flights);
    flights.retain(|methods| methods.iter().any(|method| method.starts_with("upload.")));
    flights
}

#[test]
fn a_small_upload_waits_for_its_hub_once() {
    let whole = ["upload.open", "upload.chunk", "upload.commit"];
    let small = "21.5\n".repeat(1_000);
    for arguments in [
        &["data", "upload", "1", "-"][..],
        &["data", "append", "1", "-"],
    ] {
        assert_eq!(uploading(arguments, &small), [whole], "{arguments:?}");
    }
}

/// More than a chunk may be resumed, so its device asks first where to begin.
#[test]
fn a_large_upload_waits_for_the_answer_to_its_opening() {
    let large = "123456\n".repeat(200_000);
    let flights = uploading(&["data", "upload", "1", "-"], &large);
    assert_eq!(flights[0], ["upload.open"], "{flights:?}");
}
