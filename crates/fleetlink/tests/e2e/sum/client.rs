//! The client's bytes and lines.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use super::Server;
use crate::harness::{Finished, Terminal, fleetlink, run};

fn send(address: &str, arguments: &[&str], input: &str) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let (host, port) = address.rsplit_once(':').unwrap();
    let mut command = fleetlink(folder.path());
    command.args(["sum", "send", host, port]).args(arguments);
    run(command.args(["--name", "A Client"]), input)
}

/// A server that answers one client with `reply`, whatever it says.
fn scripted(reply: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = String::new();
        stream.read_to_string(&mut request).unwrap();
        stream.write_all(reply.as_bytes()).unwrap();
        request
    });
    (address, serving)
}

#[test]
fn the_transcript_in_json() {
    let server = Server::start(&["--number", "10"]);
    let address = server.address.to_string();
    let finished = send(&address, &["25"], "");
    let expected = format!(
        "\
[DEBUG] [send_message]: Connected to server at {address}
[INFO] [send_message]: A Client | A Server
[INFO] [send_message]: Client Number: 25 | Server Number: 10 | Sum: 35
"
    );
    assert_eq!(
        (finished.code, finished.stdout),
        (Some(0), expected.clone())
    );
    let asked = send(&address, &[], "25\n");
    let question = "Enter an integer between 1 and 100:\n";
    assert_eq!(
        (asked.code, asked.stdout),
        (Some(0), format!("{question}{expected}"))
    );
}

#[test]
fn the_transcript_in_text() {
    let server = Server::start(&[]);
    let address = server.address.to_string();
    let finished = send(&address, &["25", "--dialect", "text"], "");
    let expected = format!(
        "\
[DEBUG] [send_message]: Connected to server at {address}
Server of A Server: 42
[INFO] [send_message]: A Client | A Server
[INFO] [send_message]: Client Number: 25 | Server Number: 42 | Sum: 67
"
    );
    assert_eq!((finished.code, finished.stdout), (Some(0), expected));
}

#[test]
fn a_number_out_of_range_is_sent_and_is_the_end() {
    for (dialect, said) in [
        ("json", ""),
        ("text", "Server of A Server: 42\nServer closing...\n"),
    ] {
        let mut server = Server::start(&[]);
        let address = server.address.to_string();
        let finished = send(&address, &["-5", "--dialect", dialect], "");
        let expected = format!(
            "\
[DEBUG] [send_message]: Connected to server at {address}
[WARNING] [send_message]: The integer input out of range. Terminating the server
{said}"
        );
        assert_eq!((finished.code, finished.stdout), (Some(0), expected));
        assert_eq!(server.ended(), Some(0));
    }
}

#[test]
fn the_requests_are_those_of_the_specification() {
    for (dialect, request, reply) in [
        ("text", "Client of A Client: 25", "Server of A Server: 42"),
        (
            "json",
            r#"{"client_name": "A Client", "client_number": 25}"#,
            r#"{"server_name": "A Server", "server_number": 10}"#,
        ),
    ] {
        let (address, serving) = scripted(reply);
        let finished = send(&address, &["25", "--dialect", dialect], "");
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(serving.join().unwrap(), request);
    }
}

#[test]
fn a_wrong_sum_is_reported() {
    let (address, _serving) =
        scripted(r#"{"server_name": "\u001b[2J", "server_number": 10, "sum": 36}"#);
    let finished = send(&address, &["25"], "");
    assert_eq!(finished.code, Some(1));
    assert!(finished.stdout.contains("A Client | \\u{1b}[2J\n"));
    assert!(finished.stdout.contains("Sum: 35\n"));
    assert_eq!(
        finished.stderr,
        "fleetlink: the server states a wrong sum: 36; 25 and 10 make 35\n"
    );
}

#[test]
fn every_failure_says_what_failed() {
    let (address, _serving) = scripted("Server of A Server: forty");
    let finished = send(&address, &["25", "--dialect", "text"], "");
    assert_eq!(finished.code, Some(1));
    assert!(
        finished
            .stderr
            .contains("something else where an integer should be")
    );
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let finished = send(&address, &["25"], "");
    assert_eq!(finished.code, Some(5));
    assert!(finished.stderr.contains("no server can be reached at"));
    assert_eq!(send(&address, &["x"], "").code, Some(2));
    assert_eq!(send(&address, &[], "x\n").code, Some(2));
    assert_eq!(send(&address, &[], "").code, Some(2));
}

#[test]
fn at_a_terminal_it_asks_again_and_shows_levels_in_colour() {
    let server = Server::start(&["--number", "10"]);
    let port = server.address.port().to_string();
    let mut client = Terminal::start(&["sum", "send", "127.0.0.1", &port, "--name", "A Client"]);
    client.output.expect("Enter an integer between 1 and 100: ");
    client.type_line("many");
    client.output.expect("\"many\" is not an integer");
    client.output.expect("Enter an integer between 1 and 100: ");
    client.type_line("25");
    client
        .output
        .expect("\u{1b}[36m[DEBUG] [send_message]: Connected");
    client
        .output
        .expect("\u{1b}[32m[INFO] [send_message]: A Client | A Server\u{1b}[0m");
    client.output.expect("Sum: 35\u{1b}[0m");
    assert!(client.wait());
}
