//! Every form over real sockets: replies, rounds, pieces with pauses, and the end.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread::{scope, sleep};
use std::time::Duration;

use super::{Server, connect};

/// Longer than the quiet time, shorter than the stall time; not waited for, but between pieces.
const PAUSE: Duration = Duration::from_millis(400);

fn fixed(name: &str, number: u8) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(259, 0);
    bytes.push(number);
    bytes
}

/// A request in each form that is not one of the seeds', and its reply.
fn exchanges() -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut exchanges: Vec<(Vec<u8>, Vec<u8>)> = [
        ("bob:5", "A Server:42"),
        ("bob: 5", "A Server: 42"),
        ("bob,5\n", "A Server,42\n"),
        ("bob, 5\r\n", "A Server, 42\r\n"),
        ("a:b,5", "A Server,42"),
        ("Zo\u{eb} v1.2 \u{1f980};5", "A Server;42"),
        ("bob|5", "A Server|42"),
        ("bob 5", "A Server 42"),
        ("Client of a b 5\n", "Server of A Server 42\n"),
        ("Client of a;5", "Server of A Server;42"),
        ("Client of a:5\n", "Server of A Server:42\n"),
        (
            r#"{"name": "bob", "number": 5}"#,
            r#"{"name": "A Server", "number": 42, "sum": 47}"#,
        ),
        (
            "{\"name\": \"bob\", \"number\": 5}\n",
            "{\"name\": \"A Server\", \"number\": 42, \"sum\": 47}\n",
        ),
        ("\0\x03bob\0\0\0\x05", "\0\x08A Server\0\0\0\x2a"),
        ("\0\x05bob;5", "\0\x0bA Server;42"),
        ("\0\x0eClient of a: 5", "\0\x16Server of A Server: 42"),
    ]
    .map(|(request, reply)| (request.into(), reply.into()))
    .to_vec();
    exchanges.push((fixed("bob", 5), fixed("A Server", 42)));
    let crab = b"\0\x06\xed\xa0\xbe\xed\xb6\x80\0\0\0\x05".to_vec();
    exchanges.push((crab, b"\0\x08A Server\0\0\0\x2a".to_vec()));
    exchanges
}

fn server() -> Server {
    Server::start(&["--number", "42"])
}

#[track_caller]
fn expect(stream: &mut TcpStream, reply: &[u8]) {
    let mut heard = vec![0; reply.len()];
    stream.read_exact(&mut heard).expect("a reply");
    assert_eq!(
        heard.escape_ascii().to_string(),
        reply.escape_ascii().to_string()
    );
}

#[track_caller]
fn expect_close(mut stream: TcpStream) {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("a clean close");
    assert_eq!(rest.escape_ascii().to_string(), "");
}

#[test]
fn a_request_is_answered_in_its_form_and_another_follows() {
    let server = server();
    scope(|scope| {
        for (request, reply) in exchanges() {
            let mut stream = server.connect();
            scope.spawn(move || {
                for _ in 0..2 {
                    stream.write_all(&request).unwrap();
                    expect(&mut stream, &reply);
                }
                // Half-closed, and silent.
                if request.len() % 2 == 0 {
                    stream.shutdown(Shutdown::Write).unwrap();
                }
                expect_close(stream);
            });
        }
    });
}

#[test]
fn the_end_of_the_stream_ends_a_request_in_every_form() {
    let server = server();
    for (request, reply) in exchanges() {
        let mut stream = server.connect();
        stream.write_all(&request).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        expect(&mut stream, &reply);
        expect_close(stream);
    }
}

#[test]
fn nothing_is_decided_early_between_pieces() {
    let server = server();
    let seeds = b"Server of A Server: 42";
    let utf_int = b"\0\x08A Server\0\0\0\x2a";
    let padded = fixed("bob", 5);
    let cases: Vec<(Vec<&[u8]>, Vec<u8>)> = vec![
        (vec![b"Cl", b"ient of bob", b": 5"], seeds.to_vec()),
        (vec![b"Client of Room 101", b": 5"], seeds.to_vec()),
        (vec![b"Client of a,5", b": 5"], seeds.to_vec()),
        (vec![b"Client of bob: ", b"5"], seeds.to_vec()),
        (vec![b"bob", b",5"], b"A Server,42".to_vec()),
        (vec![b"Zo\xc3", b"\xab;", b"5"], b"A Server;42".to_vec()),
        (vec![b"a -", b"5", b"\n"], b"".to_vec()),
        (
            vec![b"\0", b"\x03bo", b"b\0\0", b"\0\x05"],
            utf_int.to_vec(),
        ),
        (vec![b"\0\x05bob;5", b"\0\0\0\x05"], utf_int.to_vec()),
        (
            vec![b"\0\x08Room 101", b"\0\0", b"\0\x0a"],
            utf_int.to_vec(),
        ),
        (
            vec![&padded[..2], &padded[2..7], &padded[7..257], &padded[257..]],
            fixed("A Server", 42),
        ),
        (
            vec![b"{\"name\": \"bob\", \"num", b"ber\": 5", b"}"],
            br#"{"name": "A Server", "number": 42, "sum": 47}"#.to_vec(),
        ),
    ];
    scope(|scope| {
        for (pieces, reply) in cases {
            let mut stream = server.connect();
            scope.spawn(move || {
                for piece in pieces {
                    sleep(PAUSE);
                    stream.write_all(piece).unwrap();
                }
                expect(&mut stream, &reply);
                expect_close(stream);
            });
        }
    });
}

#[test]
fn requests_that_come_together_are_answered_one_after_the_other() {
    let server = server();
    let mut stream = server.connect();
    let requests = [
        b"a,1\nb;2\r\n{\"name\": \"c\", \"number\": 3}\n\0\x01d\0\0\0\x04",
        fixed("e", 5).as_slice(),
        b"f|6\n",
    ]
    .concat();
    stream.write_all(&requests).unwrap();
    expect(&mut stream, b"A Server,42\nA Server;42\r\n");
    expect(
        &mut stream,
        b"{\"name\": \"A Server\", \"number\": 42, \"sum\": 45}\n",
    );
    expect(&mut stream, b"\0\x08A Server\0\0\0\x2a");
    expect(&mut stream, &fixed("A Server", 42));
    expect(&mut stream, b"A Server|42\n");
    // The seeds' form is the last, whatever follows it.
    stream.write_all(b"Client of g: 7\nh,8\n").unwrap();
    expect(&mut stream, b"Server of A Server: 42\n");
    expect_close(stream);
}

#[test]
fn a_line_end_that_comes_later_is_answered_by_one() {
    let server = server();
    let mut stream = server.connect();
    stream
        .write_all(b"{\"name\": \"bob\", \"number\": 5}")
        .unwrap();
    expect(
        &mut stream,
        br#"{"name": "A Server", "number": 42, "sum": 47}"#,
    );
    stream.write_all(b"\r\n").unwrap();
    expect(&mut stream, b"\r\n");
    stream.shutdown(Shutdown::Write).unwrap();
    expect_close(stream);
}

#[test]
fn out_of_range_only_the_seeds_forms_stop_the_server_unless_it_is_said() {
    for options in [&[][..], &["--on-out-of-range", "refuse"]] {
        let server = Server::start(options);
        for request in out_of_range() {
            let stream = server.connect();
            (&stream).write_all(&request).unwrap();
            expect_close(stream);
        }
        assert_eq!(server.ask("bob,5"), "A Server,42");
    }
    for request in out_of_range() {
        let mut server = Server::start(&["--on-out-of-range", "stop"]);
        let stream = server.connect();
        (&stream).write_all(&request).unwrap();
        expect_close(stream);
        assert_eq!(server.ended(), Some(0));
        let last = server.lines().pop().unwrap();
        assert!(last.ends_with("Terminating the server."), "{last}");
    }
}

fn out_of_range() -> Vec<Vec<u8>> {
    vec![
        b"bob,101\n".to_vec(),
        b"bob -5\n".to_vec(),
        b"Client of bob;0\n".to_vec(),
        b"{\"name\": \"bob\", \"number\": 99999999999999999999}".to_vec(),
        b"\0\x03bob\xff\xff\xff\xff".to_vec(),
        fixed("bob", 101),
    ]
}

#[test]
fn what_fits_no_form_is_malformed_and_does_no_harm() {
    let server = server();
    for (request, text) in [
        (&b"HELLO 1234\n"[..], true),
        (b"two words 5\n", true),
        (b"bob\n5\n", true),
        (b"bob,5\nnonsense\n", true),
        (b",5\n", true),
        (b"\xff\xfe,5\n", true),
        (b"\0\x03bob", false),
        (b"\0\0\0\0\0\x05", false),
        (&[0; 260], false),
        (&[b'x'; 260], true),
        (b"bob\0,5", false),
        (br#"{"name": "a", "number": 5, "number": 5}"#, false),
        (
            br#"{"name": "a", "number": 5, "client_name": "a", "client_number": 5}"#,
            false,
        ),
    ] {
        let mut stream = connect(server.address);
        stream.write_all(request).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).expect("a clean close");
        let reply = String::from_utf8(reply).unwrap();
        let first = reply.strip_prefix("A Server,42\n").unwrap_or(&reply);
        assert_eq!(first.starts_with("Error: "), text, "{request:?}: {reply}");
    }
    assert_eq!(server.ask("bob,5"), "A Server,42");
}

#[test]
fn the_sum_is_stated_where_it_is_wanted() {
    let server = Server::start(&["--reply-sum"]);
    assert_eq!(server.ask("bob,5"), "A Server,42,47");
    assert_eq!(server.ask("bob: 5\n"), "A Server: 42: 47\n");
    assert_eq!(server.ask("Client of bob: 5"), "Server of A Server: 42");
    assert_eq!(
        server.ask("\0\x03bob\0\0\0\x05"),
        "\0\x08A Server\0\0\0*\0\0\0/"
    );
}
