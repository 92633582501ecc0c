//! A client that does what it is told, and reports what comes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use fleetlink_device::HubAddress;
use fleetlink_proto::number_exchange::{ObjectEnd, Reply, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

use super::Dialect;
use crate::check::shown;
use crate::failure::Failure;

/// How long a server may take for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How long a server that does not close is listened to after its last byte.
const QUIET: Duration = Duration::from_millis(500);
/// Between two pieces: long enough to travel apart, shorter than any quiet time.
const PIECE_PAUSE: Duration = Duration::from_millis(5);
/// The most that is read of one reply.
const MAX_HEARD: usize = 64 * 1024;

/// The server that is checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Server {
    address: SocketAddr,
}

/// What follows a request's last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The end of the client's side of the stream.
    Stream,
    /// A newline, and the stream stays open.
    Newline,
    /// Nothing, and the stream stays open.
    Silence,
}

/// What a server said.
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

/// A well-formed request.
pub(super) fn request(dialect: Dialect, name: &str, number: i128) -> Vec<u8> {
    let name = name.parse().expect("the checker's names are good");
    let request = Request {
        form: dialect.form(),
        name,
        number: number.into(),
    };
    request.encode().expect("both forms can say any name")
}

impl Server {
    /// Looks its address up.
    pub(super) async fn resolve(address: &HubAddress) -> Result<Self, Failure> {
        let unknown = |reason: String| {
            let host = address.host();
            Failure::Unreachable(format!("the host {host} is not known: {reason}"))
        };
        let mut found = lookup_host((address.host(), address.port()))
            .await
            .map_err(|error| unknown(error.to_string()))?;
        let first = found.next();
        let address = first.ok_or_else(|| unknown("it has no address".to_owned()))?;
        Ok(Server { address })
    }

    /// Connects, or says why not.
    pub(super) async fn connect(&self) -> Result<TcpStream, String> {
        let connecting = timeout(PATIENCE, TcpStream::connect(self.address)).await;
        let stream = match connecting {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(format!("no connection: {error}")),
            Err(_) => return Err(format!("no connection within {PATIENCE:?}")),
        };
        // Pieces have to travel as pieces.
        stream
            .set_nodelay(true)
            .map_err(|error| format!("no connection: {error}"))?;
        Ok(stream)
    }

    /// Sends `bytes` at once over a new connection and reports what comes.
    pub(super) async fn ask(&self, bytes: &[u8], ending: Ending) -> Result<Heard, String> {
        let mut stream = self.connect().await?;
        say(&mut stream, bytes, ending).await;
        Ok(hear(&mut stream).await)
    }

    /// The same, a byte at a time.
    pub(super) async fn ask_slowly(&self, bytes: &[u8], ending: Ending) -> Result<Heard, String> {
        let mut stream = self.connect().await?;
        for byte in bytes {
            // What a server does not take shows in what it answers.
            let _ = stream.write_all(&[*byte]).await;
            sleep(PIECE_PAUSE).await;
        }
        say(&mut stream, b"", ending).await;
        Ok(hear(&mut stream).await)
    }
}

/// Sends `bytes` and the ending. A server may have closed already; what it said shows why.
pub(super) async fn say(stream: &mut TcpStream, bytes: &[u8], ending: Ending) {
    let saying = async {
        match ending {
            Ending::Newline => stream.write_all(&[bytes, b"\n"].concat()).await?,
            Ending::Stream | Ending::Silence => stream.write_all(bytes).await?,
        }
        match ending {
            Ending::Stream => stream.shutdown().await,
            Ending::Newline | Ending::Silence => Ok(()),
        }
    };
    let _: Result<io::Result<()>, _> = timeout(PATIENCE, saying).await;
}

/// Listens until the server closes, or is quiet after a complete object or for a while.
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

/// Judges a reply to a good request with this number; says what is wrong with it.
pub(super) fn judge(dialect: Dialect, number: i128, heard: &Heard) -> Result<Reply, String> {
    let reply = Reply::parse(&dialect.form(), &number.into(), &heard.bytes)
        .map_err(|bad| bad.to_string())?;
    if reply.closing {
        return Err("the server says that it stops, and the number is in range".to_owned());
    }
    if dialect == Dialect::Json
        && ObjectEnd::default().find(&heard.bytes) != Some(heard.bytes.trim_ascii_end().len())
    {
        return Err("the reply is more than one object".to_owned());
    }
    if reply.number.in_range().is_none() {
        return Err("the server's own number is not from 1 to 100".to_owned());
    }
    let sum = reply.number.plus(&number.into());
    match &reply.sum {
        Some(stated) if *stated != sum => Err(format!(
            "the sum is wrong: {number} and {} make {sum}",
            reply.number
        )),
        _ => Ok(reply),
    }
}

/// What a good reply looks like.
pub(super) fn form(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Text => "Server of <name>: <1 to 100>, and the close",
        Dialect::Json => {
            r#"{"server_name": "<name>", "server_number": <1 to 100>, "sum": <both>}, and the close"#
        }
    }
}
