//! The client of the lease service: one request, one reply.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use fleetlink_proto::lease::limits::{MAX_SERVER_REPLY_BYTES, REPLY_SETTLES};
use fleetlink_proto::lease::{LeaseId, Request, ServerReply, ServerReplyReader, Transport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::time::timeout;

use crate::limits::RESOLVE_DEADLINE;

/// A granted lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantedLease {
    /// The id that was asked for.
    pub id: LeaseId,
    /// This client's address, as the server sees it.
    pub address: IpAddr,
    /// This client's port, as the server sees it.
    pub port: u16,
}

/// The reason for which there is no lease.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The server says that the id is in use.
    #[error("{0} is in use")]
    InUse(LeaseId),
    /// No reply came in time.
    #[error("no reply within {0:?}")]
    TimedOut(Duration),
    /// The answer is no reply, or one about another id.
    #[error("the server's reply makes no sense: {0}")]
    NotAReply(String),
    /// The server cannot be reached.
    #[error("cannot reach the server: {0}")]
    Unreachable(#[from] io::Error),
}

/// The addresses of a server's name.
pub async fn resolve_server(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let resolved = timeout(RESOLVE_DEADLINE, lookup_host((host, port))).await;
    let addresses: Vec<_> = resolved
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??
        .collect();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no address"));
    }
    Ok(addresses)
}

/// Asks one of the server's addresses for an id, over a new socket.
pub async fn request_lease(
    server: &[SocketAddr],
    id: LeaseId,
    transport: Transport,
    wait: Duration,
) -> Result<GrantedLease, LeaseError> {
    let reply = match transport {
        Transport::Udp => timeout(wait, over_udp(server, id)).await,
        Transport::Tcp => timeout(wait, over_tcp(server, id)).await,
    };
    match reply.map_err(|_| LeaseError::TimedOut(wait))?? {
        ServerReply::Granted { id, address, port } => Ok(GrantedLease { id, address, port }),
        ServerReply::InUse { id } => Err(LeaseError::InUse(id)),
    }
}

async fn over_udp(server: &[SocketAddr], id: LeaseId) -> Result<ServerReply, LeaseError> {
    let server = server.first().copied().ok_or(io::ErrorKind::NotFound);
    let server = server.map_err(io::Error::from)?;
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    // Connected: only this server's datagrams are taken.
    socket.connect(server).await?;
    socket.send(&Request::encode(id)).await?;
    let mut buffer = [0; MAX_SERVER_REPLY_BYTES];
    loop {
        let length = socket.recv(&mut buffer).await?;
        // A datagram about anything else is somebody's error or forgery: the reply may still come.
        if let Ok(reply) = ServerReply::parse(&buffer[..length])
            && reply.id() == id
        {
            return Ok(reply);
        }
    }
}

async fn over_tcp(server: &[SocketAddr], id: LeaseId) -> Result<ServerReply, LeaseError> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(&Request::encode(id)).await?;
    // Some servers read until a newline or the end of the stream.
    stream.shutdown().await?;
    let mut reader = ServerReplyReader::default();
    let mut buffer = [0; MAX_SERVER_REPLY_BYTES];
    loop {
        // A reply without a line end is whole at the end of the stream, or when no more comes.
        let read = stream.read(&mut buffer);
        let length = match reader.reply() {
            Err(_) => read.await?,
            Ok(_) => timeout(REPLY_SETTLES, read).await.unwrap_or(Ok(0))?,
        };
        if length == 0 || reader.handle_read(&buffer[..length]) {
            break;
        }
    }
    let nonsense = || LeaseError::NotAReply(reader.bytes().escape_ascii().to_string());
    let reply = reader.reply().map_err(|_| nonsense())?;
    if reply.id() == id {
        Ok(reply)
    } else {
        Err(nonsense())
    }
}
