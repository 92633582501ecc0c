//! From a hub's address to a stream that nobody else can read.

mod pin;
mod tcp;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use fleetlink_proto::HubPin;
use fleetlink_proto::signed::Channel;
use fleetlink_proto::succession::SuccessionError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::{Error, ErrorKind, HubAddress, Result};

/// The proof by which a hub is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Its key must have this pin.
    Pinned(HubPin),
    /// Any key will do; the caller decides by [`Connection::pin`] before it says anything secret.
    Learn,
    /// Any key will do on loopback; nothing is said to another host.
    Loopback,
    /// No TLS at all; to loopback only.
    Plain,
}

/// A stream to a hub on which nothing has been said yet.
pub struct Connection {
    pub(crate) stream: Box<dyn Stream>,
    /// The pin of the hub's key; none without TLS.
    pub pin: Option<HubPin>,
    /// The channel to which proofs on this connection are bound; none without TLS.
    pub(crate) channel: Option<Channel>,
    /// The address of the hub that answered.
    pub peer: SocketAddr,
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The hub did not finish this step in time.
fn late(step: &str, limit: Duration) -> Error {
    let seconds = limit.as_secs();
    let message = format!("the hub did not finish its {step} within {seconds} seconds");
    Error::new(ErrorKind::TimedOut, message)
}

/// The hub's key is not the expected one.
pub(crate) fn pin_changed(
    address: &HubAddress,
    (expected, found): (HubPin, HubPin),
    why: Unfollowed,
) -> Error {
    let message = format!(
        "the hub's key has changed: expected is {expected}, the hub at {address} shows {found}, \
         and {why}. Somebody may be pretending to be the hub, or it was set up anew or given an \
         old key from a backup; no name, password or data were sent. Ask who runs the hub for the \
         pin that it prints"
    );
    let kind = ErrorKind::PinChanged {
        expected,
        found,
        why: why.clone(),
    };
    Error::new(kind, message).because(why)
}

/// The reason for which a device does not follow its hub to another key.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unfollowed {
    /// Nobody has asked whether it was announced.
    #[error("was not asked whether it announced that")]
    Untried,
    /// It could not be asked: later may succeed.
    #[error("could not be asked whether it announced that ({0})")]
    Unasked(String),
    /// It answers, but not as a hub does.
    #[error("does not say whether it announced that ({0})")]
    Unanswered(String),
    /// It has no word of the expected key for the new one.
    #[error("did not announce that")]
    Unannounced,
    /// The announced keys do not lead to the one that was shown.
    #[error("its announcement of that proves nothing ({0})")]
    Unproven(#[source] SuccessionError),
}

/// Connects to the first address that answers, without TLS: for the small protocols, which have
/// none.
pub(crate) async fn tcp(server: &HubAddress) -> Result<(TcpStream, SocketAddr)> {
    // Any host will do, as for a hub whose key is learnt.
    tcp::connect(server, Trust::Learn).await
}

/// Connects to the first address of the hub that answers, and checks its key before anything is
/// said.
pub async fn connect(address: &HubAddress, trust: Trust) -> Result<Connection> {
    let (tcp, peer) = tcp::connect(address, trust).await?;
    tracing::debug!(%peer, "connected");
    let expected = match trust {
        Trust::Plain => {
            return Ok(Connection {
                stream: Box::new(tcp),
                pin: None,
                channel: None,
                peer,
            });
        }
        Trust::Pinned(pin) => Some(pin),
        Trust::Learn | Trust::Loopback => None,
    };
    let (stream, channel) = tls::handshake(tcp, address, expected).await?;
    Ok(Connection {
        stream: Box::new(stream),
        pin: Some(channel.hub),
        channel: Some(channel),
        peer,
    })
}
