//! Lease servers as somebody else might write them, each with one fault.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The fault of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    GrantsAlways,
    RefusesAlways,
    NamesAnotherId,
    NamesAnotherAddress,
    NamesAnotherPort,
    IgnoresLineEnds,
    LeasesTooShort,
    LeasesTooLong,
    RenewsByReset,
    OneTableEach,
    OneIdAtATime,
    AnswersMalformed,
    LeasesTheFirstFourDigits,
    DiesOfMalformed,
    DecidesOnTheFirstRead,
    ServesOneAtATime,
    ResetsConnections,
    NeverCloses,
    EndsTooEarly,
    /// Knows only the id that it granted last.
    ForgetsTheFirst,
    /// Answers over TCP only at the end of the client's stream.
    NeedsTheEnd,
    /// No fault: every reply ends with a newline.
    EndsEveryReply,
    /// No fault: looks every second which ids are free.
    PollsEverySecond,
}

/// The interval at which the threads look whether the server is dead.
const LOOK_EVERY: Duration = Duration::from_millis(10);

struct State {
    fault: Fault,
    lease: Duration,
    ends_after: Option<Duration>,
    granted: Mutex<HashMap<String, Instant>>,
    asked: Mutex<Instant>,
    began: Instant,
    dead: AtomicBool,
}

/// Starts a server on both transports; it ends with the test.
pub(crate) fn start(fault: Fault, lease: Duration, idle: Option<Duration>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(LOOK_EVERY)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let ends_after = match fault {
        Fault::EndsTooEarly => idle.map(|idle| idle / 3),
        _ => idle,
    };
    let state = Arc::new(State {
        fault,
        lease,
        ends_after,
        granted: Mutex::default(),
        asked: Mutex::new(Instant::now()),
        began: Instant::now(),
        dead: AtomicBool::new(false),
    });
    let over_udp = Arc::clone(&state);
    std::thread::spawn(move || serve_udp(&socket, &over_udp));
    std::thread::spawn(move || serve_tcp(&listener, &state));
    address
}

impl State {
    fn is_dead(&self) -> bool {
        let idle = self.asked.lock().unwrap().elapsed();
        self.dead.load(Ordering::SeqCst) || self.ends_after.is_some_and(|end| idle > end)
    }

    fn decide(&self, request: &[u8], client: SocketAddr, transport: &str) -> Option<String> {
        let text = String::from_utf8_lossy(request);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let Some(id) = self.id(line) else {
            self.dead
                .fetch_or(self.fault == Fault::DiesOfMalformed, Ordering::SeqCst);
            return (self.fault == Fault::AnswersMalformed).then(|| "ERROR\n".to_owned());
        };
        *self.asked.lock().unwrap() = Instant::now();
        let newline = text.ends_with('\n') && self.fault != Fault::IgnoresLineEnds;
        let end = match newline || self.fault == Fault::EndsEveryReply {
            true => "\n",
            false => "",
        };
        Some(format!("{}{end}", self.lease(id, client, transport)))
    }

    fn id<'a>(&self, line: &'a str) -> Option<&'a str> {
        let id = line.strip_prefix("HELLO ")?;
        let id = match self.fault {
            Fault::LeasesTheFirstFourDigits => id.get(..4)?,
            _ => id,
        };
        let digits = id.len() == 4 && id.bytes().all(|byte| byte.is_ascii_digit());
        digits.then_some(id)
    }

    fn lease(&self, id: &str, client: SocketAddr, transport: &str) -> String {
        let now = Instant::now();
        let lease = match self.fault {
            Fault::LeasesTooShort => self.lease / 2,
            Fault::LeasesTooLong => self.lease * 3,
            _ => self.lease,
        };
        let table = if self.fault == Fault::OneTableEach {
            transport
        } else {
            ""
        };
        let mut granted = self.granted.lock().unwrap();
        let looked = match self.fault {
            Fault::PollsEverySecond => {
                let seconds = now.duration_since(self.began).as_secs();
                self.began + Duration::from_secs(seconds)
            }
            _ => now,
        };
        granted.retain(|_, at| *at + lease > looked);
        let key = format!("{table}{id}");
        let in_use = match self.fault {
            Fault::GrantsAlways => false,
            Fault::RefusesAlways => true,
            // Enough for a first grant beside the one before.
            Fault::OneIdAtATime => granted.len() >= 2 || granted.contains_key(&key),
            _ => granted.contains_key(&key),
        };
        if in_use {
            if self.fault == Fault::RenewsByReset {
                granted.insert(key, now);
            }
            return format!("RESET {id}");
        }
        if self.fault == Fault::ForgetsTheFirst {
            granted.clear();
        }
        granted.insert(key, now);
        let (address, port) = (client.ip(), client.port());
        match self.fault {
            Fault::NamesAnotherId => format!("OK 000{} {address} {port}", &id[..1]),
            Fault::NamesAnotherAddress => format!("OK {id} 192.0.2.1 {port}"),
            Fault::NamesAnotherPort => format!("OK {id} {address} 20009"),
            _ => format!("OK {id} {address} {port}"),
        }
    }
}

fn serve_udp(socket: &UdpSocket, state: &State) {
    let mut buffer = [0; 2048];
    while !state.is_dead() {
        let Ok((length, client)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        if let Some(reply) = state.decide(&buffer[..length], client, "UDP") {
            // A client may be gone.
            let _ = socket.send_to(reply.as_bytes(), client);
        }
    }
}

fn serve_tcp(listener: &TcpListener, state: &Arc<State>) {
    while !state.is_dead() {
        let Ok((stream, client)) = listener.accept() else {
            std::thread::sleep(LOOK_EVERY);
            continue;
        };
        let own = Arc::clone(state);
        // A client may go at any time.
        let serving = std::thread::spawn(move || drop(serve_client(stream, client, &own)));
        if state.fault == Fault::ServesOneAtATime {
            let _ = serving.join();
        }
    }
}

fn serve_client(mut stream: TcpStream, client: SocketAddr, state: &State) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(super::DEADLINE))?;
    let mut request = Vec::new();
    let mut buffer = [0; 2048];
    while request.len() < 10 || state.fault == Fault::NeedsTheEnd {
        let length = stream.read(&mut buffer)?;
        request.extend_from_slice(&buffer[..length]);
        if length == 0 || state.fault == Fault::DecidesOnTheFirstRead {
            break;
        }
    }
    if let Some(reply) = state.decide(&request, client, "TCP") {
        stream.write_all(reply.as_bytes())?;
    }
    match state.fault {
        Fault::ResetsConnections => {
            // A client that has ended its side is not hurt; one that has not is.
            stream.set_read_timeout(Some(LOOK_EVERY))?;
            if !matches!(stream.read(&mut buffer), Ok(0)) {
                return rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))
                    .map_err(io::Error::from);
            }
        }
        Fault::NeverCloses => std::thread::sleep(super::DEADLINE),
        _ => {}
    }
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}
