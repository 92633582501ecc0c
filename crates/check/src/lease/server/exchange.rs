//! One exchange with the server, over either transport.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use fleetlink_proto::lease::limits::REPLY_SETTLES;
use fleetlink_proto::lease::{LeaseId, Reply, ServerReply};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{sleep, timeout};

use crate::{Finding, shown};

/// The time to connect: the kernel of a server with a short queue drops the first attempts, and
/// ours tries again after 1, 3 and 7 seconds.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// The pause after a server has reset a connection while it was made.
const AFTER_A_RESET: Duration = Duration::from_millis(300);
/// The most that is read of one reply.
const MAX_READ: usize = 4096;

/// A request, and what came of it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    sent: Vec<u8>,
    pub(super) reply: Vec<u8>,
    /// The client's address.
    pub(super) client: SocketAddr,
    /// A time before the request was sent.
    pub(super) before: Instant,
    /// A time after the reply came.
    pub(super) after: Instant,
}

/// The end of a connection by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// In order.
    Closed,
    /// By a reset.
    Reset,
    /// Not while it was looked at.
    Open,
}

impl Asked {
    /// The reply, with or without a line end.
    pub(super) fn parsed(&self) -> Option<ServerReply> {
        ServerReply::parse(&self.reply).ok()
    }

    /// Whether it is a grant of this id.
    pub(super) fn grants(&self, id: LeaseId) -> bool {
        matches!(self.parsed(), Some(ServerReply::Granted { id: granted, .. }) if granted == id)
    }

    /// A failure with this exchange as its evidence.
    pub(super) fn fail(&self, why: &str) -> Finding {
        self.as_evidence(Finding::fail(why))
    }

    /// A success with this exchange as its evidence.
    pub(super) fn pass(&self) -> Finding {
        self.as_evidence(Finding::pass())
    }

    fn as_evidence(&self, finding: Finding) -> Finding {
        finding.sent(shown(&self.sent)).came(shown(&self.reply))
    }

    /// Fails unless this came, a line end apart.
    pub(super) fn expect(self, expected: &Reply, why: &str) -> Result<Self, Finding> {
        let reply = self.reply.as_slice();
        let line = reply.strip_suffix(b"\n").unwrap_or(reply);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line == expected.as_bytes() {
            return Ok(self);
        }
        Err(self.fail(why).expected(shown(expected.as_bytes())))
    }

    /// Fails unless the id is in use.
    pub(super) fn expect_in_use(self, id: LeaseId, why: &str) -> Result<Self, Finding> {
        self.expect(&Reply::in_use(id, false), why)
    }
}

/// A socket of a new client. Connected, so that a port where nothing listens is an error.
pub(super) async fn udp_client(server: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    Ok(socket)
}

/// A datagram from a new client, and the reply; empty where none came in time.
pub(super) async fn over_udp(
    server: SocketAddr,
    request: &[u8],
    wait: Duration,
) -> io::Result<Asked> {
    let socket = udp_client(server).await?;
    let before = Instant::now();
    socket.send(request).await?;
    let mut buffer = vec![0; MAX_READ];
    let length = match timeout(wait, socket.recv(&mut buffer)).await {
        Ok(length) => length?,
        Err(_) => 0,
    };
    buffer.truncate(length);
    Ok(Asked {
        sent: request.to_vec(),
        reply: buffer,
        client: socket.local_addr()?,
        before,
        after: Instant::now(),
    })
}

/// A connection of its own, half-closed after the request, and the reply.
pub(super) async fn over_tcp(
    server: SocketAddr,
    request: &[u8],
    wait: Duration,
) -> io::Result<Asked> {
    let before = Instant::now();
    let mut stream = connect(server).await?;
    let client = stream.local_addr()?;
    let sending = async {
        stream.write_all(request).await?;
        stream.shutdown().await
    };
    // A server that has closed already shows in what it replied.
    let _: io::Result<()> = sending.await;
    let (reply, _) = read_reply(&mut stream, wait).await;
    Ok(Asked {
        sent: request.to_vec(),
        reply,
        client,
        before,
        after: Instant::now(),
    })
}

/// A connection without Nagle's delay. One that is reset while it is made met a server that was
/// ending: whether it is gone shows at the next try.
pub(super) async fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    match connect_once(server).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
            sleep(AFTER_A_RESET).await;
            connect_once(server).await
        }
        result => result,
    }
}

async fn connect_once(server: SocketAddr) -> io::Result<TcpStream> {
    let connecting = timeout(CONNECT_WITHIN, TcpStream::connect(server)).await;
    let stream = connecting.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Everything up to the end of the stream, to a whole reply after which nothing more comes, or to
/// the end of `wait`.
pub(super) async fn read_reply(stream: &mut TcpStream, wait: Duration) -> (Vec<u8>, End) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let whole = ServerReply::parse(&bytes).is_ok();
        let patience = if whole { REPLY_SETTLES } else { wait };
        match timeout(patience, stream.read(&mut buffer)).await {
            Ok(Ok(0)) => return (bytes, End::Closed),
            Ok(Ok(count)) if bytes.len() + count <= MAX_READ => {
                bytes.extend_from_slice(&buffer[..count]);
            }
            Ok(Err(_)) => return (bytes, End::Reset),
            Ok(Ok(_)) | Err(_) => return (bytes, End::Open),
        }
    }
}
