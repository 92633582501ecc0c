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
    if !arguments.contains(&"--name") {
        command.args(["--name", "A Client"]);
    }
    run(&mut command, input)
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

/// A server that tells what one client says, answers it, and hears nobody else.
fn once(reply: Vec<u8>) -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        stream.read_to_end(&mut request).unwrap();
        stream.write_all(&reply).unwrap();
        request
    });
    (address, serving)
}

fn fixed(name: &str, number: u8) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(259, 0);
    bytes.push(number);
    bytes
}

#[test]
fn a_client_speaks_the_form_that_it_is_told() {
    let text = |text: &str| text.as_bytes().to_vec();
    for (form, request, reply) in [
        (
            "json-name",
            text(r#"{"name": "bob", "number": 25}"#),
            text(r#"{"name":"X","number":10}"#),
        ),
        ("colon", text("bob:25"), text("X: 10\r\n")),
        ("comma", text("bob,25"), text("X,10,35\n")),
        ("semicolon", text("bob;25"), text("X|10")),
        ("pipe", text("bob|25"), text("Server of X: 10")),
        ("blank", text("bob 25"), text("X 10 35")),
        (
            "utf-int",
            text("\0\x03bob\0\0\0\x19"),
            text("\0\x01X\0\0\0\x0a\0\0\0\x23"),
        ),
        ("utf-text", text("\0\x06bob;25"), text("\0\x04X;10")),
        ("struct256", fixed("bob", 25), fixed("X", 10)),
    ] {
        let (address, serving) = once(reply);
        let finished = send(&address, &["25", "--dialect", form, "--name", "bob"], "");
        assert_eq!(finished.code, Some(0), "{form}: {finished:?}");
        assert_eq!(serving.join().unwrap(), request, "{form}");
        let lines = "[INFO] [send_message]: bob | X\n\
                     [INFO] [send_message]: Client Number: 25 | Server Number: 10 | Sum: 35\n";
        assert!(finished.stdout.ends_with(lines), "{form}: {finished:?}");
    }
}

#[test]
fn a_server_that_answers_nothing_or_in_another_form_is_asked_once() {
    for (reply, why) in [
        ("", "the server closed the connection without a reply"),
        (
            "X,10\n",
            "the server answers in another form: name,number; ask in that one, with --dialect comma",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            stream.read_to_end(&mut request).unwrap();
            stream.write_all(reply.as_bytes()).unwrap();
            listener
        });
        let finished = send(&address, &["25"], "");
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert_eq!(finished.stderr, format!("fleetlink: {why}\n"));
        let listener = serving.join().unwrap();
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "nobody else came");
    }
}

#[test]
fn what_the_form_cannot_say_is_refused_before_anything_is_sent() {
    // Nobody listens there: a connection would be another error.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    for (form, number, why) in [
        ("blank", "25", "a name in this form is one word"),
        (
            "struct256",
            "2147483648",
            "a number in this form is from -2147483648 to 2147483647",
        ),
        (
            "xml",
            "25",
            "expected is one of: text, json, json-name, colon, comma",
        ),
    ] {
        let finished = send(&address, &[number, "--dialect", form], "");
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains(why), "{}", finished.stderr);
    }
}

#[test]
fn a_wrong_sum_is_reported_in_text_too() {
    for (form, reply) in [
        ("comma", "X,10,36"),
        ("utf-int", "\0\x01X\0\0\0\x0a\0\0\0\x24"),
    ] {
        let (address, _serving) = once(reply.into());
        let finished = send(&address, &["25", "--dialect", form], "");
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert!(
            finished
                .stderr
                .contains("states a wrong sum: 36; 25 and 10 make 35")
        );
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
            .contains("something else in place of an integer")
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
