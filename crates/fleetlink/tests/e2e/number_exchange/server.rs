//! The server's bytes and lines.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use rustix::process::{Pid, Signal, kill_process};

use super::{Server, hear};
use crate::harness::{Hub, fleetlink, run};

/// The correction that a client in text gets.
const EXPECTED: &str =
    "expected is: Client of <name>: <integer>, or <name>,<integer> with , : ; | or a blank";

#[test]
fn the_transcript_in_json() {
    let mut server = Server::start(&["--number", "10"]);
    let stream = server.connect();
    let port = stream.local_addr().unwrap().port();
    let request = br#"{"client_name": "A Client", "client_number": 25}"#;
    (&stream).write_all(request).unwrap();
    assert_eq!(
        hear(stream),
        r#"{"server_name": "A Server", "server_number": 10, "sum": 35}"#
    );
    server.output.expect("Client connection closed\n");
    let stop = server.connect();
    let last = stop.local_addr().unwrap().port();
    (&stop)
        .write_all(br#"{"client_name": "A Client", "client_number": 0}"#)
        .unwrap();
    assert_eq!(hear(stop), "", "closed without a reply");
    assert_eq!(server.ended(), Some(0));
    let expected = format!(
        "\
[DEBUG] [start_server]: Connection accepted from ('127.0.0.1', {port})
[DEBUG] [handle_client]: Message received from client
[INFO] [handle_client]: Client Name: A Client | Server Name: A Server
[INFO] [handle_client]: Client Number: 25 | Server Number: 10 | Sum: 35
[DEBUG] [handle_client]: Sending client response
[DEBUG] [handle_client]: Client connection closed
[DEBUG] [start_server]: Connection accepted from ('127.0.0.1', {last})
[DEBUG] [handle_client]: Message received from client
[WARNING] [handle_client]: Client int out of range: 0. Terminating the server."
    );
    assert_eq!(server.lines().join("\n"), expected);
}

#[test]
fn the_transcript_in_text() {
    let mut server = Server::start(&[]);
    let stream = server.connect();
    let port = stream.local_addr().unwrap().port();
    (&stream).write_all(b"Client of A Client: 25\n").unwrap();
    assert_eq!(hear(stream), "Server of A Server: 42\n");
    server.output.expect("Client connection closed\n");
    let stop = server.connect();
    let last = stop.local_addr().unwrap().port();
    (&stop).write_all(b"Client of A: Client: 101").unwrap();
    assert_eq!(hear(stop), "Server of A Server: 42\nServer closing...");
    assert_eq!(server.ended(), Some(0));
    let expected = format!(
        "\
[DEBUG] [start_server]: Connection accepted from ('127.0.0.1', {port})
[DEBUG] [handle_client]: Message received from client
A Client has connected to Server of A Server
[INFO] [handle_client]: Client Name: A Client | Server Name: A Server
[INFO] [handle_client]: Client Number: 25 | Server Number: 42 | Sum: 67
[DEBUG] [handle_client]: Sending client response
[DEBUG] [handle_client]: Client connection closed
[DEBUG] [start_server]: Connection accepted from ('127.0.0.1', {last})
[DEBUG] [handle_client]: Message received from client
A: Client has connected to Server of A Server
[INFO] [handle_client]: Client Name: A: Client | Server Name: A Server
[INFO] [handle_client]: Client Number: 101 | Server Number: 42 | Sum: 143
[DEBUG] [handle_client]: Sending client response
[WARNING] [handle_client]: Client int out of range: 101. Terminating the server."
    );
    assert_eq!(server.lines().join("\n"), expected);
}

#[test]
fn a_number_out_of_range_ends_the_server_after_the_answers_to_those_before() {
    for (bad, farewell) in [
        (
            "Client of x: -5",
            "Server of A Server: 42\nServer closing...",
        ),
        (
            "Client of x: 99999999999999999999999999999999999999999999",
            "Server of A Server: 42\nServer closing...",
        ),
        (r#"{"client_name": "x", "client_number": 101}"#, ""),
    ] {
        let mut server = Server::start(&[]);
        let (silent, half) = (server.connect(), server.connect());
        (&half).write_all(b"Client of half: 2").unwrap();
        for _ in 0..2 {
            server.output.expect("Connection accepted");
        }
        let unfinished = server.connect();
        (&unfinished)
            .write_all(b"{\"client_name\": \"x\", ")
            .unwrap();
        server.output.expect("Connection accepted");
        assert_eq!(server.ask(bad), farewell);
        (&unfinished).write_all(b"\"client_number\": 7}").unwrap();
        assert!(hear(unfinished).contains("\"server_name\": \"A Server\""));
        assert_eq!(hear(half), "Server of A Server: 42");
        assert_eq!(hear(silent), "", "who says nothing is closed");
        assert_eq!(server.ended(), Some(0));
        let lines = server.lines();
        let warning = "[WARNING] [handle_client]: Client int out of range";
        assert!(lines.last().unwrap().starts_with(warning), "{lines:?}");
        assert!(std::net::TcpStream::connect(server.address).is_err());
    }
}

#[test]
fn a_server_that_refuses_goes_on() {
    let server = Server::start(&["--on-out-of-range", "refuse", "--number", "7"]);
    for number in ["0", "101", "-5", "9999999999999999999999999"] {
        assert_eq!(
            server.ask(&format!("Client of x: {number}")),
            "Error: the number must be an integer from 1 to 100"
        );
        let json = format!(r#"{{"client_name": "x", "client_number": {number}}}"#);
        assert_eq!(server.ask(&json), "");
    }
    assert_eq!(server.ask("Client of x: 100"), "Server of A Server: 7");
}

#[test]
fn names_are_shown_escaped_and_malformed_input_does_no_harm() {
    let mut server = Server::start(&["--on-out-of-range", "refuse"]);
    server.ask("{\"client_name\": \"\\u001b[2J\\n[INFO] forged\", \"client_number\": 1}");
    let shown = server.output.expect("Client connection closed");
    assert!(shown.contains("Client Name: \\u{1b}[2J\\n[INFO] forged | Server Name"));
    for (request, reply) in [
        ("nonsense", format!("Error: {EXPECTED}")),
        (
            "Client of x: 1.5\n",
            format!("Error: the number is not a decimal integer; {EXPECTED}\n"),
        ),
        ("{}", String::new()),
        ("", String::new()),
    ] {
        assert_eq!(server.ask(request), reply, "{request}");
    }
    let line = "Malformed message from client: \"nonsense\": expected is: Client of <name>: ";
    server.output.expect(line);
    assert_eq!(server.ask("\u{1b}\u{7}x"), format!("Error: {EXPECTED}"));
    server
        .output
        .expect("client: \"\\u{1b}\\u{7}x\": expected is: ");
    // An error survives what its client still sends.
    let mut long = server.connect();
    long.write_all(&vec![b'x'; 50_000]).unwrap();
    let mut reply = String::new();
    long.read_to_string(&mut reply).unwrap();
    let error = format!("Error: the request is longer than 4096 bytes; {EXPECTED}");
    assert_eq!(reply, error);
    let shown = format!("client: \"{}…\": the request is longer", "x".repeat(80));
    server.output.expect(&shown);
    assert_eq!(server.ask("Client of x: 1"), "Server of A Server: 42");
}

#[test]
fn the_server_ends_well_when_it_is_told_to() {
    let mut server = Server::start(&[]);
    let silent = server.connect();
    server.output.expect("Connection accepted");
    let pid = i32::try_from(server.child.id()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    assert_eq!(hear(silent), "");
    assert_eq!(server.ended(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_a_clear_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let finished = run(fleetlink(folder.path()).args(["sum", "serve", &port]), "");
    assert_eq!(finished.code, Some(1));
    assert_eq!(
        finished.stderr,
        format!("fleetlink: cannot listen on 127.0.0.1:{port}: another program has that port\n")
    );
}

#[test]
fn beside_a_hub_nobody_can_stop_it() {
    let mut hub = Hub::start_with(&["supersmartwatch"], &["--sum", "127.0.0.1:0"]);
    hub.output.expect("number exchange at ");
    let address = hub.output.expect("\n").parse().unwrap();
    for _ in 0..2 {
        let stream = super::connect(address);
        (&stream).write_all(b"Client of x: 0\n").unwrap();
        assert!(hear(stream).starts_with("Error: "));
        let stream = super::connect(address);
        (&stream).write_all(b"Client of x: 5\n").unwrap();
        assert!(hear(stream).ends_with(": 42\n"));
    }
    let mut shell = hub.join("supersmartwatch");
    assert_eq!(shell.ask("AED"), "no other active edge devices");
    assert_eq!(hub.stop(Signal::TERM), Some(0));
}
