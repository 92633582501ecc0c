//! Asking the server that is checked.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fleetlink_proto::lease::{LeaseId, Reply, Request, ServerReply, Transport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::check::{Finding, shown};

/// How long a reply may take before it counts as none.
pub(super) const REPLY_WITHIN: Duration = Duration::from_secs(5);
/// Ids that are tried where others are in use already.
const FRESH_TRIES: usize = 8;
/// From one id to the next: without a common divisor with 10,000, so that all come once.
const ID_STEP: u32 = 7_919;

/// The server, and the ids that this run has not used yet.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) server: SocketAddr,
    pub(super) transport: Transport,
    next_id: Arc<AtomicU32>,
}

/// A request, and what came of it.
#[derive(Debug)]
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

impl Target {
    pub(super) fn new(server: SocketAddr, transport: Transport) -> Self {
        Target {
            server,
            transport,
            next_id: Arc::new(AtomicU32::new(rand::random())),
        }
    }

    /// The same server and ids over the other transport.
    pub(super) fn over(&self, transport: Transport) -> Self {
        Target {
            transport,
            ..self.clone()
        }
    }

    /// An id that this run has not used.
    pub(super) fn new_id(&self) -> LeaseId {
        let count = self.next_id.fetch_add(1, Ordering::Relaxed) % 10_000;
        LeaseId::from_number(count * ID_STEP)
    }

    /// Has an id granted that was free, from a new client.
    pub(super) async fn granted(&self) -> Result<(LeaseId, Asked), Finding> {
        let mut last = None;
        for _ in 0..FRESH_TRIES {
            let id = self.new_id();
            let asked = self.ask(&Request::encode(id)).await?;
            match ServerReply::parse(&asked.reply) {
                Ok(ServerReply::Granted { id: granted, .. }) if granted == id => {
                    return Ok((id, asked));
                }
                // Somebody else may use the server, too.
                Ok(ServerReply::InUse { id: refused }) if refused == id => last = Some(asked),
                _ => return Err(asked.fail("a free id is answered OK <id> <ip> <port>")),
            }
        }
        let why = format!("{FRESH_TRIES} ids in a row are in use");
        Err(last.map_or_else(|| Finding::fail(&why), |asked| asked.fail(&why)))
    }

    /// Asks from a new client. No reply at all is one of no bytes.
    pub(super) async fn ask(&self, request: &[u8]) -> Result<Asked, Finding> {
        let exchange = async {
            match self.transport {
                Transport::Udp => over_udp(self.server, request, REPLY_WITHIN).await,
                Transport::Tcp => over_tcp(self.server, request).await,
            }
        };
        exchange.await.map_err(|error| {
            Finding::fail(format!("cannot ask the server: {error}")).sent(shown(request))
        })
    }

    /// Expects that an id is in use.
    pub(super) async fn expect_in_use(&self, id: LeaseId, why: &str) -> Result<Asked, Finding> {
        let asked = self.ask(&Request::encode(id)).await?;
        asked.expect(Reply::in_use(id, false).as_bytes(), why)
    }

    /// Expects that an id is granted.
    pub(super) async fn expect_granted(&self, id: LeaseId, why: &str) -> Result<Asked, Finding> {
        let asked = self.ask(&Request::encode(id)).await?;
        match ServerReply::parse(&asked.reply) {
            Ok(ServerReply::Granted { id: granted, .. }) if granted == id => Ok(asked),
            _ => Err(asked.fail(why).expected(format!("OK {id} …"))),
        }
    }
}

impl Asked {
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

    /// Fails unless exactly this came.
    pub(super) fn expect(self, expected: &[u8], why: &str) -> Result<Self, Finding> {
        if self.reply == expected {
            return Ok(self);
        }
        Err(self.fail(why).expected(shown(expected)))
    }
}

/// A datagram from a new socket, and the reply; empty where none came in time.
pub(super) async fn over_udp(
    server: SocketAddr,
    request: &[u8],
    wait: Duration,
) -> io::Result<Asked> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    let before = Instant::now();
    socket.send(request).await?;
    let mut buffer = vec![0; 2048];
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

/// A connection of its own, half-closed after the request, and all that came until its end.
pub(super) async fn over_tcp(server: SocketAddr, request: &[u8]) -> io::Result<Asked> {
    let before = Instant::now();
    let mut stream = connect(server).await?;
    let client = stream.local_addr()?;
    stream.write_all(request).await?;
    stream.shutdown().await?;
    let reply = read_to_end(&mut stream).await?;
    Ok(Asked {
        sent: request.to_vec(),
        reply,
        client,
        before,
        after: Instant::now(),
    })
}

/// A connection without Nagle's delay.
pub(super) async fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let connecting = timeout(REPLY_WITHIN, TcpStream::connect(server)).await;
    let stream = connecting.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Everything up to the end of the stream, bounded in time and size.
pub(super) async fn read_to_end(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut bounded = stream.take(4096);
    timeout(REPLY_WITHIN, bounded.read_to_end(&mut bytes))
        .await
        .map_err(|_| {
            let came = shown(&bytes);
            let why = format!("the server did not close the connection; came so far: {came}");
            io::Error::new(io::ErrorKind::TimedOut, why)
        })??;
    Ok(bytes)
}
