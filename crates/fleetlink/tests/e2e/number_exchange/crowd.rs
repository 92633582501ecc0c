//! Very many clients at once.

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::sync::Barrier;
use std::thread;

use super::{Server, connect, hear};

const CLIENTS: usize = 1000;
/// Threads that play them, each several at once.
const PLAYERS: usize = 20;

/// The request of one client, the way it ends, and the expected reply.
struct Part {
    stream: TcpStream,
    request: String,
    expected: String,
    shut: bool,
}

/// Clients differ in dialect and number, and in how their request ends: by a newline, by the
/// complete object, or by the end of the stream.
fn part(client: usize, stream: TcpStream) -> Part {
    let number = client % 100 + 1;
    let (request, shut) = match client % 4 {
        0 => (format!("Client of c{client}: {number}\n"), false),
        1 => (format!("Client of c{client}: {number}"), true),
        _ => (
            format!(r#"{{"client_name": "c{client}", "client_number": {number}}}"#),
            client % 4 == 3,
        ),
    };
    let expected = match client % 4 {
        0 => "Server of A Server: 42\n".to_owned(),
        1 => "Server of A Server: 42".to_owned(),
        _ => format!(
            r#"{{"server_name": "A Server", "server_number": 42, "sum": {}}}"#,
            number + 42
        ),
    };
    Part {
        stream,
        request,
        expected,
        shut,
    }
}

#[test]
fn a_thousand_clients_at_once_half_of_them_a_byte_at_a_time() {
    // A machine that is busy for 50 ms must not cut a number in two.
    let mut server = Server::start(&["--number", "42", "--quiet-time", "2s"]);
    let address = server.address;
    let connected = Barrier::new(PLAYERS);
    thread::scope(|scope| {
        for player in 0..PLAYERS {
            let connected = &connected;
            scope.spawn(move || {
                let clients = (player..CLIENTS).step_by(PLAYERS);
                let parts: Vec<Part> = clients.map(|c| part(c, connect(address))).collect();
                connected.wait();
                play(parts);
            });
        }
    });
    server.ask("Client of last: 0");
    assert_eq!(server.ended(), Some(0));
    let printed = server.output.to_end();
    for number in 1..=100 {
        let line = format!(
            "Client Number: {number} | Server Number: 42 | Sum: {}\n",
            number + 42
        );
        assert_eq!(printed.matches(&line).count(), CLIENTS / 100, "{line}");
    }
}

/// The first half of the clients say everything at once, the others a byte at a time, in turns.
fn play(parts: Vec<Part>) {
    let slow = parts.len() / 2;
    let longest = parts.iter().map(|part| part.request.len()).max().unwrap();
    for step in 0..longest {
        for (place, part) in parts.iter().enumerate() {
            let bytes = part.request.as_bytes();
            let (piece, last) = match (place < slow, step) {
                (true, _) => (bytes.get(step..=step), step + 1 == bytes.len()),
                (false, 0) => (Some(bytes), true),
                (false, _) => (None, false),
            };
            if let Some(piece) = piece {
                (&part.stream).write_all(piece).unwrap();
            }
            if last && part.shut {
                part.stream.shutdown(Shutdown::Write).unwrap();
            }
        }
    }
    for part in parts {
        assert_eq!(hear(part.stream), part.expected, "{}", part.request);
    }
}
