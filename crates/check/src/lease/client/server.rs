//! The scripted server: reacts to requests as its script says.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fleetlink_proto::lease::{LeaseId, Transport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::script::{Reaction, Script, id_in};

/// The time for a line end after the ten bytes of a request.
const LINE_END_WITHIN: Duration = Duration::from_millis(50);
/// The time for the ten bytes of a connection.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);
/// Between the pieces of a reply: each is a read of its own.
const BETWEEN_PIECES: Duration = Duration::from_millis(300);
/// The time for the client to close.
const DRAIN: Duration = Duration::from_secs(2);
/// The most that is read of one request.
const MAX_REQUEST: usize = 1024;

/// A request that the server heard.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) at: Instant,
    pub(super) from: SocketAddr,
    pub(super) bytes: Vec<u8>,
    /// The server's reaction.
    pub(super) reaction: Reaction,
}

/// A server on loopback; it ends with this value.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) heard: mpsc::UnboundedReceiver<Heard>,
    _serving: JoinSet<()>,
}

/// The parts that each request needs.
#[derive(Clone)]
struct Role {
    script: Script,
    /// The id that the client was started with.
    asked: LeaseId,
    requests: Arc<AtomicUsize>,
    hearing: mpsc::UnboundedSender<Heard>,
}

impl Role {
    /// Reports a request and returns the reaction to it.
    fn hear(&self, bytes: &[u8], from: SocketAddr) -> Reaction {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let reaction = self.script.reaction(number);
        let heard = Heard {
            at: Instant::now(),
            from,
            bytes: bytes.to_vec(),
            reaction,
        };
        // The run may be over.
        let _ = self.hearing.send(heard);
        reaction
    }
}

impl Server {
    /// Listens on this port, or on a free one.
    pub(super) async fn start(
        transport: Transport,
        port: Option<u16>,
        script: &Script,
        asked: LeaseId,
    ) -> io::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
        let (hearing, heard) = mpsc::unbounded_channel();
        let role = Role {
            script: script.clone(),
            asked,
            requests: Arc::default(),
            hearing,
        };
        let mut serving = JoinSet::new();
        let address = match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind(address).await?;
                let address = socket.local_addr()?;
                serving.spawn(serve_udp(socket, role));
                address
            }
            Transport::Tcp => {
                let listener = TcpListener::bind(address).await?;
                let address = listener.local_addr()?;
                serving.spawn(serve_tcp(listener, role));
                address
            }
        };
        Ok(Server {
            address,
            heard,
            _serving: serving,
        })
    }
}

async fn serve_udp(socket: UdpSocket, role: Role) {
    let mut buffer = [0; MAX_REQUEST];
    loop {
        // An error is an earlier reply's, to a client that is gone.
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        let request = &buffer[..length];
        let reaction = role.hear(request, client);
        for reply in reaction.pieces(request, client, role.asked) {
            let _ = socket.send_to(&reply, client).await;
        }
    }
}

async fn serve_tcp(listener: TcpListener, role: Role) {
    let mut clients = JoinSet::new();
    loop {
        if let Ok((stream, client)) = listener.accept().await {
            clients.spawn(serve_client(stream, client, role.clone()));
        }
    }
}

async fn serve_client(mut stream: TcpStream, client: SocketAddr, role: Role) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let request = read_request(&mut stream).await;
    let reaction = role.hear(&request, client);
    if reaction == Reaction::Silence {
        // As long as the client does.
        drain(&mut stream).await;
        return std::future::pending().await;
    }
    for piece in reaction.pieces(&request, client, role.asked) {
        if stream.write_all(&piece).await.is_err() {
            return;
        }
        if reaction == Reaction::Pieces {
            sleep(BETWEEN_PIECES).await;
        }
    }
    // A client that is gone needs no close.
    let _ = stream.shutdown().await;
    let _ = timeout(DRAIN, drain(&mut stream)).await;
}

/// Ten bytes and a line end that follows at once, or what came before the end of the stream.
async fn read_request(stream: &mut TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    let mut buffer = [0; MAX_REQUEST];
    while request.len() < MAX_REQUEST {
        let whole = id_in(&request).is_some();
        let patience = if whole {
            LINE_END_WITHIN
        } else {
            REQUEST_WITHIN
        };
        match timeout(patience, stream.read(&mut buffer)).await {
            Ok(Ok(count @ 1..)) => request.extend_from_slice(&buffer[..count]),
            Ok(Ok(_) | Err(_)) | Err(_) => break,
        }
    }
    request
}

async fn drain(stream: &mut TcpStream) {
    let mut buffer = [0; MAX_REQUEST];
    while let Ok(1..) = stream.read(&mut buffer).await {}
}
