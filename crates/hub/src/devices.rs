//! The door for devices: TCP, then TLS, then a session.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fleetlink_core::SessionId;
use fleetlink_proto::control::limits;
use fleetlink_proto::signed::{Channel, EXPORTER_LABEL};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::accept::{Bounds, accept_loop};
use crate::descriptors::Budget;
use crate::identity::Identity;
use crate::network_places::NetworkPlaces;
use crate::session::{self, Secured, SessionContext};
use crate::traffic::{Counted, Flow};

/// Encrypted bytes of one connection that wait for the network.
const TLS_BUFFER: usize = 16 * 1024;

/// The parts that every connection of a device needs.
#[derive(Clone)]
struct Door {
    /// None without TLS.
    identity: Option<Identity>,
    /// Every connection of a client network.
    places: NetworkPlaces,
    /// Those that have not finished their TLS handshake.
    newcomers: NetworkPlaces,
    hub: Arc<SessionContext>,
    closing: CancellationToken,
}

/// Accepts devices until `closing`; each connection is a session of its own number.
pub(crate) async fn accept(
    listener: TcpListener,
    budget: Budget,
    identity: Option<Identity>,
    hub: SessionContext,
    closing: CancellationToken,
) {
    let bounds = Bounds {
        connections: budget.connections,
        // The core sets a session's deadlines.
        lifetime: None,
        drain: limits::DRAIN_DEADLINE,
    };
    let count = AtomicU64::new(0);
    let until = closing.clone();
    let door = Door {
        identity,
        places: NetworkPlaces::new(budget.connections_per_network()),
        newcomers: NetworkPlaces::of_strangers(limits::MAX_HANDSHAKES_PER_NETWORK),
        hub: Arc::new(hub),
        closing,
    };
    let serve = move |stream, peer: SocketAddr| {
        // A listener for both families sees IPv4 addresses mapped into IPv6.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let session = SessionId(count.fetch_add(1, Ordering::Relaxed));
        let span = session::connection(session, peer);
        door.clone().serve(stream, peer, session).instrument(span)
    };
    accept_loop(listener, bounds, until, serve).await;
}

impl Door {
    async fn serve(self, stream: TcpStream, peer: SocketAddr, session: SessionId) {
        let Some(_place) = self.places.admit(peer.ip()) else {
            self.hub.meters.network_refused.one();
            tracing::debug!("this client network has half of all connections");
            return;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let flow = Flow::among(&self.hub.traffic.control);
        let stream = Counted::new(stream, flow.clone());
        match &self.identity {
            // In boxes: this future lives as long as the session, and has room for all that it
            // ever holds.
            None => Box::pin(session::serve(stream, session, peer, None, flow, self.hub)).await,
            Some(identity) => {
                // Once: the key in the handshake is the one that proofs are checked for.
                let shown = identity.shown();
                let tls = TlsAcceptor::from(shown.tls());
                let shaken = Box::pin(self.handshake(&tls, stream, peer)).await;
                let Some(stream) = shaken else {
                    return;
                };
                let binding = match binding(stream.get_ref().1) {
                    Ok(binding) => binding,
                    Err(error) => {
                        tracing::warn!(%error, "the connection cannot be bound to");
                        return;
                    }
                };
                let hub = shown.pin();
                let channel = Channel { hub, binding };
                let secured = Some(Secured { channel, shown });
                let stream = Box::new(stream);
                Box::pin(session::serve(
                    stream, session, peer, secured, flow, self.hub,
                ))
                .await;
            }
        }
    }

    async fn handshake(
        &self,
        tls: &TlsAcceptor,
        stream: Counted<TcpStream>,
        peer: SocketAddr,
    ) -> Option<TlsStream<Counted<TcpStream>>> {
        let Some(_place) = self.newcomers.admit(peer.ip()) else {
            self.hub.meters.handshake_refused.one();
            tracing::debug!("this client network has too many handshakes");
            return None;
        };
        // In a box: a future has room for what it is given twice.
        let handshake = Box::pin(tls.accept(stream));
        let shaken = tokio::select! {
            shaken = timeout(limits::HANDSHAKE_DEADLINE, handshake) => shaken,
            () = self.closing.cancelled() => return None,
        };
        match shaken {
            Ok(Ok(mut stream)) => {
                // Of what a device does not read, TLS keeps no more than this.
                stream.get_mut().1.set_buffer_limit(Some(TLS_BUFFER));
                return Some(stream);
            }
            Ok(Err(error)) => tracing::debug!(%error, "no TLS handshake"),
            Err(_) => tracing::debug!("the TLS handshake took too long"),
        }
        None
    }
}

/// The secret that both ends of this connection can export and nobody else knows (RFC 9266).
fn binding(tls: &rustls::ServerConnection) -> Result<[u8; 32], rustls::Error> {
    tls.export_keying_material([0; 32], EXPORTER_LABEL, None)
}
