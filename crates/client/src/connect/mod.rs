//! From a hub's address to a stream that nobody else can read.

mod pin;
mod tcp;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use fleetlink_proto::HubPin;
use fleetlink_proto::signed::Channel;
use fleetlink_proto::succession::SuccessionError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::HubAddress;

pub(crate) use self::pin::pin_of;

/// How the hub shows that it is the right one.
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
    /// What a proof is tied to on this connection; none without TLS.
    pub(crate) channel: Option<Channel>,
    /// Which of the hub's addresses answered.
    pub peer: SocketAddr,
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why there is no connection to the hub.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host name has no address.
    #[error("the host {host} is not known: {source}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// No address of the hub accepted a connection.
    #[error("no hub can be reached at {address}: {source}")]
    Unreachable {
        /// Where.
        address: HubAddress,
        /// What the last address said.
        source: io::Error,
    },
    /// The hub did not finish in time.
    #[error("the hub did not finish its {step} within {} seconds", .limit.as_secs())]
    TimedOut {
        /// Of what.
        step: &'static str,
        /// The deadline.
        limit: Duration,
    },
    /// The hub's key is not the expected one.
    #[error(
        "the hub's key has changed: expected is {expected}, the hub at {address} shows {found}, \
         and {why}. Somebody may be pretending to be the hub, or it was set up anew or given an \
         old key from a backup; no name, password or data were sent. Ask who runs the hub for the \
         pin that it prints"
    )]
    PinChanged {
        /// Where.
        address: HubAddress,
        /// The pin that was expected.
        expected: HubPin,
        /// The pin of the key that was shown.
        found: HubPin,
        /// Why the device does not follow to it.
        why: Box<Unfollowed>,
    },
    /// What answers speaks no TLS 1.3, or not for fleetlink.
    #[error("what answers at {address} is no fleetlink hub: {source}")]
    Tls {
        /// Where.
        address: HubAddress,
        /// What TLS says.
        source: io::Error,
    },
    /// Plain TCP was asked for to another host.
    #[error("without TLS only a hub on this host may be used, and {0} is not")]
    PlainElsewhere(SocketAddr),
    /// A hub on this host was expected, whatever its key.
    #[error("the hub was expected on this host, and {0} is another one, whose key is not known")]
    Elsewhere(SocketAddr),
}

/// Why a device does not follow its hub to another key.
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
    /// What it announces is not so.
    #[error("its announcement of that proves nothing ({0})")]
    Unproven(SuccessionError),
}

/// Connects to the first address that answers, without TLS: for the small protocols, which have
/// none.
pub(crate) async fn tcp(server: &HubAddress) -> Result<(TcpStream, SocketAddr), ConnectError> {
    // Any host will do, as for a hub whose key is learnt.
    tcp::connect(server, Trust::Learn).await
}

/// Connects to the first address of the hub that answers, and checks its key before anything is
/// said.
pub async fn connect(address: &HubAddress, trust: Trust) -> Result<Connection, ConnectError> {
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
