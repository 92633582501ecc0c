//! A client that does what it is told, and reports what comes.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fleetlink_proto::number_exchange::Name;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::{Finding, Trace, shown};

/// The time for a server's reply.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// The time to connect: the kernel of a server with a short queue drops the first attempts, and
/// ours tries again after 1, 3 and 7 seconds.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// The time to listen after the last byte of a server that does not close.
const QUIET: Duration = Duration::from_millis(500);
/// Between two good requests without a reply: a server that dies is gone by then.
const BETWEEN_TRIES: Duration = Duration::from_millis(300);
/// Good requests without a reply before the server counts as silent.
const UNANSWERED: u32 = 2;
/// The most that is read of one reply.
const MAX_HEARD: usize = 64 * 1024;

/// The server that is checked, and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    address: SocketAddr,
    trace: Trace,
    /// The name in its first good reply.
    pub(super) name: Arc<OnceLock<Name>>,
    open: Arc<AtomicBool>,
}

/// The end of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The end of the client's side of the stream.
    Stream,
    /// Nothing, and the stream stays open.
    Silence,
}

/// The bytes of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) bytes: Vec<u8>,
    /// Whether it closed the connection.
    pub(super) closed: bool,
}

impl Heard {
    /// For a person.
    pub(super) fn shown(&self) -> String {
        match (self.bytes.is_empty(), self.closed) {
            (true, true) => "a close without a reply".to_owned(),
            (true, false) => format!("nothing within {PATIENCE:?}"),
            (false, true) => shown(&self.bytes),
            (false, false) => format!("{}, and no close", shown(&self.bytes)),
        }
    }
}

impl Probe {
    pub(super) fn new(address: SocketAddr, trace: Trace) -> Self {
        Probe {
            address,
            trace,
            name: Arc::default(),
            open: Arc::default(),
        }
    }

    /// It leaves connections open after a reply; other checks need not say so again.
    pub(super) fn leaves_open(&self) {
        self.open.store(true, Ordering::Relaxed);
    }

    /// Whether it closes connections after a reply, as far as is known.
    pub(super) fn closes(&self) -> bool {
        !self.open.load(Ordering::Relaxed)
    }

    /// Connects, or says why not. A connection that is reset while it is made met a server that was
    /// ending: whether it is gone shows at the next try.
    pub(super) async fn connect(&self) -> Result<TcpStream, Finding> {
        let mut connected = self.connect_once().await;
        if matches!(&connected, Err(error) if error.kind() == ErrorKind::ConnectionReset) {
            sleep(BETWEEN_TRIES).await;
            connected = self.connect_once().await;
        }
        connected.map_err(|error| match error.kind() {
            ErrorKind::ConnectionRefused => Finding::gone("no connection: connection refused"),
            ErrorKind::TimedOut => {
                Finding::fail(format!("no connection within {CONNECT_WITHIN:?}"))
            }
            _ => Finding::fail(format!("no connection: {error}")),
        })
    }

    async fn connect_once(&self) -> io::Result<TcpStream> {
        let connecting = timeout(CONNECT_WITHIN, TcpStream::connect(self.address)).await;
        let stream = connecting.map_err(|_| io::Error::from(ErrorKind::TimedOut))??;
        // Pieces have to travel as pieces.
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Sends an input that a check is about over a new connection, and reports what comes.
    pub(super) async fn try_input(&self, bytes: &[u8], ending: Ending) -> Result<Heard, Finding> {
        let mut stream = self.connect().await?;
        self.note(bytes);
        say(&mut stream, bytes, ending).await;
        Ok(hear(&mut stream).await)
    }

    /// Sends a good request until there is a reply. One without a reply is never taken for what
    /// killed the server.
    pub(super) async fn ask(&self, bytes: &[u8]) -> Result<Heard, Finding> {
        let mut tries = 0;
        loop {
            let mut stream = self.connect().await?;
            say(&mut stream, bytes, Ending::Stream).await;
            let heard = hear(&mut stream).await;
            tries += 1;
            if !heard.bytes.is_empty() {
                self.trace.note_good(bytes);
                return Ok(heard);
            }
            if tries == UNANSWERED {
                return Ok(heard);
            }
            sleep(BETWEEN_TRIES).await;
        }
    }

    /// The server received this.
    pub(super) fn note(&self, bytes: &[u8]) {
        self.trace.note(bytes);
    }
}

/// Sends `bytes` and the ending. A server may have closed already; what it said shows why.
pub(super) async fn say(stream: &mut TcpStream, bytes: &[u8], ending: Ending) {
    let saying = async {
        stream.write_all(bytes).await?;
        match ending {
            Ending::Stream => stream.shutdown().await,
            Ending::Silence => Ok(()),
        }
    };
    // What a server does not take shows in what it answers.
    let _ = timeout(PATIENCE, saying).await;
}

/// Listens until the server closes, or is quiet for a while.
pub(super) async fn hear(stream: &mut TcpStream) -> Heard {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let patience = if bytes.is_empty() { PATIENCE } else { QUIET };
        let read = timeout(patience, stream.read(&mut buffer)).await;
        let closed = match read {
            Ok(Ok(count @ 1..)) if bytes.len() + count <= MAX_HEARD => {
                bytes.extend_from_slice(&buffer[..count]);
                continue;
            }
            Ok(Ok(0) | Err(_)) => true,
            Ok(Ok(_)) | Err(_) => false,
        };
        return Heard { bytes, closed };
    }
}

/// Whether the server ends a connection on which it was quiet.
pub(super) async fn closes(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 1024];
    let ending = async { while let Ok(1..) = stream.read(&mut buffer).await {} };
    timeout(PATIENCE, ending).await.is_ok()
}
