//! The scripted server: reacts to requests as its script says.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use fleetlink_proto::number_exchange::limits::STALL_TIME;
use fleetlink_proto::number_exchange::{Decoded, Decoder, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::script::Reaction;

/// The silence after which the client's bytes are its whole request: it may be slow.
const QUIET: Duration = Duration::from_millis(300);
/// Between the pieces of a reply: each is a read of its own.
const BETWEEN_PIECES: Duration = Duration::from_millis(300);
/// Between a request and the reset that follows it.
const BEFORE_A_RESET: Duration = Duration::from_millis(500);
/// The time for the client to close.
const DRAIN: Duration = Duration::from_secs(2);

/// The bytes of a client on one connection.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) at: Instant,
    pub(super) bytes: Vec<u8>,
    /// The request that the bytes are, or why they are none.
    pub(super) request: Result<Request, String>,
}

/// A server on loopback; it ends with this value.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) heard: mpsc::UnboundedReceiver<Heard>,
    _serving: JoinSet<()>,
}

impl Server {
    /// Listens on this port, or on a free one.
    pub(super) async fn start(port: Option<u16>, reaction: Reaction) -> io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (hearing, heard) = mpsc::unbounded_channel();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut clients = JoinSet::new();
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    clients.spawn(serve(stream, reaction, hearing.clone()));
                }
            }
        });
        Ok(Server {
            address,
            heard,
            _serving: serving,
        })
    }
}

async fn serve(mut stream: TcpStream, reaction: Reaction, hearing: mpsc::UnboundedSender<Heard>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let heard = hear(&mut stream).await;
    let request = heard.request.clone();
    // The run may be over.
    let _ = hearing.send(heard);
    let Ok(request) = request else { return };
    for piece in reaction.pieces(&request) {
        if stream.write_all(&piece).await.is_err() {
            return;
        }
        if reaction == Reaction::Pieces {
            sleep(BETWEEN_PIECES).await;
        }
    }
    match reaction {
        Reaction::Silence => return std::future::pending().await,
        // Closed at once, with a reset in place of an end.
        Reaction::Reset => {
            // The client waits for its reply by then, in whichever way it sent its request.
            sleep(BEFORE_A_RESET).await;
            // Where it cannot be set, the close is an orderly one.
            let _ = rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
            return;
        }
        _ => {}
    }
    // A client that is gone needs no close.
    let _ = stream.shutdown().await;
    let mut buffer = [0; 1024];
    let draining = async { while let Ok(1..) = stream.read(&mut buffer).await {} };
    let _ = timeout(DRAIN, draining).await;
}

/// Reads one request, as a server does that knows every form.
async fn hear(stream: &mut TcpStream) -> Heard {
    let began = Instant::now();
    let mut decoder = Decoder::new(QUIET.min(STALL_TIME));
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let decoded = loop {
        let wait = decoder.poll_timeout().saturating_sub(began.elapsed());
        let decoded = match timeout(wait, stream.read(&mut buffer)).await {
            Ok(Ok(count @ 1..)) => {
                bytes.extend_from_slice(&buffer[..count]);
                decoder.handle_bytes(&buffer[..count], began.elapsed())
            }
            Ok(Ok(_) | Err(_)) => Some(decoder.handle_end()),
            Err(_) => decoder.handle_timeout(began.elapsed()),
        };
        if let Some(decoded) = decoded {
            break decoded;
        }
    };
    let request = match decoded {
        Decoded::Request(request) => Ok(request),
        Decoded::Malformed(malformed) => Err(malformed.bad.to_string()),
        Decoded::Nothing | Decoded::LateLineEnd(_) => Err("the client said nothing".to_owned()),
    };
    Heard {
        at: Instant::now(),
        bytes,
        request,
    }
}
