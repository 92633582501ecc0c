//! Servers of the number exchange in the plainest way, each with one fault; and one without.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// The fault of a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    Nothing,
    /// Adds one too many.
    WrongSum,
    /// Its own number is 101.
    NumberOutOfRange,
    /// Tells clients their own names.
    ClientsName,
    /// Answers in JSON whatever it is asked in.
    OneDialect,
    /// Takes what the first read brings for the request.
    OneSegment,
    /// Answers only at the end of the stream.
    NeedsEnd,
    /// Is gone after what is no request.
    DiesOfMalformed,
    /// Answers anything as if it were a request.
    AnswersMalformed,
    /// Serves one client after the other.
    OneAtATime,
    /// Goes on after a number out of range.
    NeverStops,
    /// Takes 100 for a number out of range.
    RangeEndsAt99,
    /// Leaves the connection open.
    NeverCloses,
    /// Answers with a close in JSON.
    TextAlone,
    /// Answers with a close in text.
    JsonAlone,
    /// Speaks `name,number` alone.
    Comma,
    /// The same, and its number is 101.
    CommaOutOfRange,
    /// Dies after a client that says nothing.
    DiesOfNothing,
    /// No fault: ends every reply by a newline.
    LineEnd,
    /// No fault: has room for one waiting connection.
    ShortQueue,
}

/// Serves until the test ends, or the server stops.
pub(super) fn serve(fault: Fault) -> SocketAddr {
    let listener = listener(fault);
    let address = listener.local_addr().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            if over.load(Ordering::SeqCst) {
                return;
            }
            let over = Arc::clone(&over);
            let exchange = move || {
                if exchange(stream, fault, &over) == End::Server {
                    // Wakes the loop, which ends.
                    let _ = TcpStream::connect(address);
                }
            };
            if fault == Fault::OneAtATime {
                exchange();
            } else {
                thread::spawn(exchange);
            }
        }
    });
    address
}

fn listener(fault: Fault) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    if fault == Fault::ShortQueue {
        // Listening again only changes the queue (listen(2)).
        rustix::net::listen(&listener, 1).unwrap();
    }
    listener
}

/// The part of the server that ends together with an exchange.
#[derive(PartialEq)]
enum End {
    Connection,
    Server,
}

/// Serves one client. `over` says that the server ends before the client can see it: no other one is
/// answered.
fn exchange(mut stream: TcpStream, fault: Fault, over: &AtomicBool) -> End {
    let request = read(&mut stream, fault);
    let json = request.starts_with(b"{");
    let parsed = parse(&request, fault);
    let malformed = parsed.is_none();
    let Some((name, number)) =
        parsed.or_else(|| (fault == Fault::AnswersMalformed).then(|| ("x".to_owned(), 1)))
    else {
        let dies = match fault {
            Fault::DiesOfMalformed => !request.is_empty(),
            Fault::DiesOfNothing => request.is_empty(),
            _ => false,
        };
        over.fetch_or(dies, Ordering::SeqCst);
        let _ = stream.shutdown(Shutdown::Write);
        linger(&mut stream);
        return if dies { End::Server } else { End::Connection };
    };
    let last = if fault == Fault::RangeEndsAt99 {
        99
    } else {
        100
    };
    let stop = !(1..=last).contains(&number) && fault != Fault::NeverStops;
    over.fetch_or(stop, Ordering::SeqCst);
    let reply = reply(fault, json && !malformed, &name, number, stop);
    // A client may be gone.
    let _ = stream.write_all(reply.as_bytes());
    if fault == Fault::NeverCloses {
        thread::sleep(Duration::from_secs(60));
    }
    let _ = stream.shutdown(Shutdown::Write);
    linger(&mut stream);
    if stop { End::Server } else { End::Connection }
}

/// To a newline, a complete object, the end of the stream or 50 ms of silence within a request.
fn read(stream: &mut TcpStream, fault: Fault) -> Vec<u8> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let patience = if request.is_empty() || fault == Fault::NeedsEnd {
            10_000
        } else {
            50
        };
        stream
            .set_read_timeout(Some(Duration::from_millis(patience)))
            .unwrap();
        match stream.read(&mut buffer) {
            Ok(0) => return request,
            Ok(count) => request.extend_from_slice(&buffer[..count]),
            // Half an object goes on.
            Err(error)
                if error.kind() == ErrorKind::WouldBlock
                    && patience == 50
                    && parse(&request, fault).is_none()
                    && request.len() < 60 => {}
            Err(_) => return request,
        }
        let whole =
            request.contains(&b'\n') || request[0] == b'{' && parse(&request, fault).is_some();
        if fault == Fault::OneSegment || request.len() > 4096 || whole && fault != Fault::NeedsEnd {
            return request;
        }
    }
}

fn parse(request: &[u8], fault: Fault) -> Option<(String, i64)> {
    if matches!(fault, Fault::Comma | Fault::CommaOutOfRange) {
        let text = str::from_utf8(request).ok()?.trim_end();
        let (name, number) = text.rsplit_once(',')?;
        return Some((name.to_owned(), number.parse().ok()?));
    }
    if request.starts_with(b"{") && fault != Fault::TextAlone {
        let value: Value = serde_json::from_slice(request).ok()?;
        let name = value["client_name"].as_str()?.to_owned();
        return Some((name, value["client_number"].as_i64()?));
    }
    let text = str::from_utf8(request).ok()?.trim_end();
    if fault == Fault::JsonAlone {
        return None;
    }
    let (name, number) = text.strip_prefix("Client of ")?.rsplit_once(": ")?;
    Some((name.to_owned(), number.parse().ok()?))
}

fn reply(fault: Fault, json: bool, client: &str, number: i64, stop: bool) -> String {
    let out_of_range = matches!(fault, Fault::NumberOutOfRange | Fault::CommaOutOfRange);
    let own = if out_of_range { 101 } else { 42 };
    let name = if fault == Fault::ClientsName {
        client
    } else {
        "plain"
    };
    let sum = number + own + i64::from(fault == Fault::WrongSum);
    let line_end = if fault == Fault::LineEnd { "\n" } else { "" };
    if matches!(fault, Fault::Comma | Fault::CommaOutOfRange) {
        return if stop {
            String::new()
        } else {
            format!("{name},{own}")
        };
    }
    if json || fault == Fault::OneDialect {
        if stop {
            return String::new();
        }
        let object = json!({"server_name": name, "server_number": own, "sum": sum});
        return format!("{object}{line_end}");
    }
    let end = if stop { "\nServer closing..." } else { "" };
    format!("Server of {name}: {own}{end}{line_end}")
}

fn linger(stream: &mut TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
    let mut scratch = [0; 4096];
    while matches!(stream.read(&mut scratch), Ok(1..)) {}
}
