//! Connections to other devices: QUIC over UDP, dialled by key. The one module that names iroh.

mod fault;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use bytes::Bytes;
use fleetlink_proto::transfer::limits::{
    ALPN, IDLE_DEADLINE, MAX_DIALLED_ADDRESSES, MAX_FILES_PER_CONNECTION,
};
use fleetlink_proto::transfer::{Addresses, EndpointId, Reason};
use iroh::endpoint::{
    ConnectionError, IncomingAddr, QuicTransportConfig, ReadError, RecvStream, SendStream, VarInt,
    presets,
};
use iroh::{EndpointAddr, SecretKey, TransportAddr};
use tokio::time::{Instant, sleep, timeout, timeout_at};

pub use fault::TransportError;
use fault::{cannot_write, code, lost, reason, undialled};

use super::congestion::Congestion;
use super::interfaces;
use crate::Backoff;
use crate::limits::{CONNECTION_WINDOW, DIAL_HEAD_START, STREAM_WINDOW};

/// This process' end of all its connections, on one UDP port. Its key lives as long as it does.
#[derive(Debug, Clone)]
pub struct Endpoint {
    inner: iroh::Endpoint,
    port: u16,
}

/// A connection to an endpoint that has proven its key.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    inner: iroh::endpoint::Connection,
}

/// A connection that a peer asks for.
#[derive(Debug)]
pub(crate) struct Knock {
    inner: iroh::endpoint::Incoming,
}

/// The half of a stream that this device writes.
#[derive(Debug)]
pub(crate) struct SendHalf {
    inner: SendStream,
}

/// The half of a stream that the peer writes.
#[derive(Debug)]
pub(crate) struct RecvHalf {
    inner: RecvStream,
}

impl Endpoint {
    /// Takes this UDP port of all addresses, of both families where the host has both; 0 is any
    /// free one. Nobody is contacted.
    pub async fn bind(port: u16) -> io::Result<Self> {
        Endpoint::bind_with(port, Congestion::default()).await
    }

    /// [`Endpoint::bind`], for connections that send so.
    pub async fn bind_with(port: u16, congestion: Congestion) -> io::Result<Self> {
        // Both families on one port: found here, since each would take another by itself.
        let port = match port {
            0 => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
                .or_else(|_| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)))?
                .local_addr()?
                .port(),
            port => port,
        };
        let v6 = iroh::endpoint::BindOpts::default().set_is_required(false);
        let inner = iroh::Endpoint::builder(presets::Minimal)
            .clear_ip_transports()
            .bind_addr((Ipv4Addr::UNSPECIFIED, port))
            .map_err(io::Error::other)?
            .bind_addr_with_opts((Ipv6Addr::UNSPECIFIED, port), v6)
            .map_err(io::Error::other)?
            .secret_key(SecretKey::generate())
            .alpns(vec![ALPN.to_vec()])
            .max_tls_tickets(0)
            .transport_config(transport_config(congestion))
            .bind()
            .await
            .map_err(io::Error::other)?;
        Ok(Endpoint { inner, port })
    }

    /// The key by which peers dial it.
    pub fn id(&self) -> EndpointId {
        EndpointId::from_bytes(*self.inner.id().as_bytes())
    }

    /// Its UDP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The addresses at which others reach it: its port at the host's addresses, as they are now.
    pub(super) fn addresses(&self) -> Addresses {
        let v6 = self.inner.bound_sockets().iter().any(SocketAddr::is_ipv6);
        interfaces::addresses(self.port, v6)
    }

    /// Connects to the endpoint that holds this key, at the first of these addresses or, where it
    /// is not soon there, at any of the first [`MAX_DIALLED_ADDRESSES`]. Where it has no place for
    /// this device now, it is asked again until the deadline.
    pub(crate) async fn dial(
        &self,
        peer: EndpointId,
        addresses: &[SocketAddr],
        deadline: Duration,
    ) -> Result<Connection, TransportError> {
        // Whoever names them makes this device send there: to a few, and not for long.
        let addresses = &addresses[..addresses.len().min(MAX_DIALLED_ADDRESSES)];
        let [first, others @ ..] = addresses else {
            let unknown = "no address of the device is known";
            return Err(TransportError::Failed(unknown.to_owned()));
        };
        let now = Instant::now();
        let until = now + deadline;
        let mut all = vec![*first];
        // The first is where the hub sees the peer. At the others somebody else can be, where both
        // networks have the same private addresses.
        if !others.is_empty() {
            let head_start = until.min(now + DIAL_HEAD_START);
            if let Ok(connection) = self.dial_all(peer, &all, head_start).await {
                return Ok(connection);
            }
            all.extend(interfaces::of_peer(others, &self.addresses()));
        }
        let dialled = self.dial_all(peer, &all, until).await;
        dialled.map_err(|error| match error {
            TransportError::Unreachable(_) => TransportError::Unreachable(deadline),
            error => error,
        })
    }

    async fn dial_all(
        &self,
        peer: EndpointId,
        addresses: &[SocketAddr],
        until: Instant,
    ) -> Result<Connection, TransportError> {
        let failed = |e: &dyn std::fmt::Display| TransportError::Failed(e.to_string());
        let id = iroh::EndpointId::from_bytes(peer.as_bytes()).map_err(|e| failed(&e))?;
        let addresses = addresses.iter().copied().map(TransportAddr::Ip);
        let address = EndpointAddr::from_parts(id, addresses);
        let (began, mut backoff) = (Instant::now(), Backoff::default());
        loop {
            let dialled = self.inner.connect(address.clone(), ALPN);
            match timeout_at(until, dialled).await {
                Ok(Ok(inner)) => return Ok(Connection { inner }),
                Ok(Err(e)) => {
                    let error = undialled(&e);
                    if error != TransportError::Refused {
                        return Err(error);
                    }
                    let wait = backoff.next_wait();
                    if Instant::now() + wait >= until {
                        return Err(TransportError::Refused);
                    }
                    sleep(wait).await;
                }
                Err(_) => return Err(TransportError::Unreachable(until - began)),
            }
        }
    }

    /// The next connection that somebody asks for; none once it is closed.
    pub(crate) async fn accept(&self) -> Option<Knock> {
        self.inner.accept().await.map(|inner| Knock { inner })
    }

    /// Ends all connections; their peers are told.
    pub async fn close(&self) {
        self.inner.close().await;
    }
}

impl Knock {
    /// From where, as far as packets say.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self.inner.remote_addr() {
            IncomingAddr::Ip(address) => Some(address),
            _ => None,
        }
    }

    /// Whether the peer has shown that it gets what is sent there.
    pub(crate) fn address_is_shown(&self) -> bool {
        self.inner.remote_addr_validated()
    }

    /// Has the peer show that (RFC 9000, section 8.1.2), and forgets it until then.
    pub(crate) fn ask_for_address(self) {
        if let Err(error) = self.inner.retry() {
            tracing::debug!(%error, "a peer cannot be asked to show its address");
            error.into_incoming().refuse();
        }
    }

    /// Says no, which costs less than a handshake.
    pub(crate) fn refuse(self) {
        self.inner.refuse();
    }

    pub(crate) async fn admit(self, deadline: Duration) -> Result<Connection, TransportError> {
        let handshake = async {
            let accepting = self.inner.accept().map_err(lost)?;
            let inner = accepting.await;
            let inner = inner.map_err(|e| TransportError::Failed(e.to_string()))?;
            Ok(Connection { inner })
        };
        let unreachable = |_| Err(TransportError::Unreachable(deadline));
        timeout(deadline, handshake)
            .await
            .unwrap_or_else(unreachable)
    }
}

impl Connection {
    /// The endpoint at its other end, which has proven its key.
    pub(crate) fn peer(&self) -> EndpointId {
        EndpointId::from_bytes(*self.inner.remote_id().as_bytes())
    }

    /// The address at which the peer is reached now.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        let paths = self.inner.paths();
        let selected = paths.iter().find(iroh::endpoint::Path::is_selected);
        match selected.or(paths.iter().next())?.remote_addr() {
            TransportAddr::Ip(address) => Some(*address),
            _ => None,
        }
    }

    pub(crate) async fn open(&self) -> Result<(SendHalf, RecvHalf), TransportError> {
        halves(self.inner.open_bi().await)
    }

    pub(crate) async fn accept(&self) -> Result<(SendHalf, RecvHalf), TransportError> {
        halves(self.inner.accept_bi().await)
    }

    /// Ends it; what is not yet delivered is lost.
    pub(crate) fn close(&self, reason: Reason) {
        self.inner.close(code(reason), reason.name().as_bytes());
    }

    /// Tells whether it has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.inner.close_reason().is_some()
    }

    pub(crate) async fn closed(&self) -> TransportError {
        lost(self.inner.closed().await)
    }
}

impl SendHalf {
    /// Writes the front of `pieces` as far as the network takes it now, and takes that off. Safe to
    /// drop: then nothing was written.
    pub(crate) async fn write_some(
        &mut self,
        mut pieces: &mut [Bytes],
    ) -> Result<usize, TransportError> {
        let written = self.inner.write_many_chunks(&mut pieces).await;
        written.map_err(cannot_write)
    }

    pub(crate) async fn write_all(&mut self, bytes: Vec<u8>) -> Result<(), TransportError> {
        let written = self.inner.write_chunk(bytes.into()).await;
        written.map_err(cannot_write)
    }

    /// Nothing more will be written; what was is delivered.
    pub(crate) fn finish(&mut self) {
        // It fails only where the stream is over anyway.
        let _ = self.inner.finish();
    }

    /// Ends it; what is not yet delivered is lost.
    pub(crate) fn reset(&mut self, reason: Reason) {
        let _ = self.inner.reset(code(reason));
    }

    /// Waits until the peer wants no more, or is gone.
    pub(crate) fn stopped(&self) -> impl Future<Output = TransportError> + use<> {
        let stopped = self.inner.stopped();
        async move {
            match stopped.await {
                Ok(Some(code)) => TransportError::Ended(reason(code)),
                Ok(None) => TransportError::Failed("the stream is over".to_owned()),
                Err(error) => TransportError::Failed(error.to_string()),
            }
        }
    }

    /// Waits until the peer has everything, or wants no more.
    pub(crate) async fn delivered(&mut self, deadline: Duration) {
        let _ = timeout(deadline, self.inner.stopped()).await;
    }
}

impl RecvHalf {
    /// Reads up to `pieces.len()` pieces; returns their number, 0 at the end. Safe to drop.
    pub(crate) async fn read_some(
        &mut self,
        pieces: &mut [Bytes],
    ) -> Result<usize, TransportError> {
        let read = self.inner.read_many_chunks(pieces).await;
        read.map(Option::unwrap_or_default).map_err(|e| match e {
            ReadError::Reset(code) => TransportError::Ended(reason(code)),
            ReadError::ConnectionLost(e) => lost(e),
            e => TransportError::Failed(e.to_string()),
        })
    }

    /// Everything to the end, at most `limit` bytes.
    pub(crate) async fn read_all(&mut self, limit: usize) -> Result<Vec<u8>, TransportError> {
        let read = self.inner.read_to_end(limit).await;
        read.map_err(|e| TransportError::Failed(e.to_string()))
    }

    /// Wants no more.
    pub(crate) fn stop(&mut self, reason: Reason) {
        let _ = self.inner.stop(code(reason));
    }
}

fn transport_config(congestion: Congestion) -> QuicTransportConfig {
    let streams = VarInt::from_u32(MAX_FILES_PER_CONNECTION + 1);
    let idle = u32::try_from(IDLE_DEADLINE.as_millis()).unwrap_or(u32::MAX);
    QuicTransportConfig::builder()
        .max_concurrent_bidi_streams(streams)
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(u64::from(CONNECTION_WINDOW))
        .congestion_controller_factory(congestion.factory())
        // The connection's own: it is twice as long where it is not set.
        .max_idle_timeout(Some(VarInt::from_u32(idle).into()))
        .default_path_max_idle_timeout(IDLE_DEADLINE)
        .build()
}

fn halves(
    opened: Result<(SendStream, RecvStream), ConnectionError>,
) -> Result<(SendHalf, RecvHalf), TransportError> {
    let (send, recv) = opened.map_err(lost)?;
    Ok((SendHalf { inner: send }, RecvHalf { inner: recv }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_peer_of_another_version_is_said_to_be_one() {
        let older = iroh::Endpoint::builder(presets::Minimal)
            .alpns(vec![b"fleetlink-transfer/1".to_vec()])
            .bind()
            .await
            .unwrap();
        let accepting = older.clone();
        tokio::spawn(async move {
            while let Some(incoming) = accepting.accept().await {
                tokio::spawn(incoming.into_future());
            }
        });
        let id = EndpointId::from_bytes(*older.id().as_bytes());
        let mut bound = older.bound_sockets().into_iter();
        let port = bound.find(SocketAddr::is_ipv4).unwrap().port();
        let endpoint = Endpoint::bind(0).await.unwrap();
        let at = [SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
        let dialled = endpoint.dial(id, &at, Duration::from_secs(60)).await;
        assert_eq!(dialled.unwrap_err(), TransportError::OtherVersion);
    }
}
