//! The door's address, and the connections that come to it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use fleetlink_proto::control::limits;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::config::{HttpAddress, HttpConfig};
use super::connection::Connection;
use super::forwarded::Proxies;
use super::host::Hosts;
use super::limits::{HEAD_DEADLINE, MAX_HEAD_BYTES, MAX_HEADERS, NETWORK_SHARE};
use super::patient::Patient;
use super::router::router;
use super::tls::{Tls, TlsError};
use super::{Http, HubParts, Reached};
use crate::accept::{Bounds, accept_loop};
use crate::metrics::Meters;
use crate::network_places::NetworkPlaces;
use crate::server::listen_at;

/// The reason why the HTTP door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for HTTP: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error.
        source: io::Error,
    },
    /// Passwords would cross the network.
    #[error(
        "{0} is not a loopback address: the page and the API are there only with a certificate \
         (--http-cert and --http-key), or behind a proxy that is named (--http-proxy)"
    )]
    PlainBeyondLoopback(SocketAddr),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The description of the API cannot be written: a fault of this program.
    #[error("the description of the API cannot be written: {0}")]
    Description(#[from] serde_json::Error),
}

/// The address of the door, as a running hub has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpListening {
    /// It was not asked for.
    Off,
    /// At this address.
    At {
        /// The address.
        address: SocketAddr,
        /// Whether over TLS.
        is_tls: bool,
    },
    /// Nowhere, because this address is taken or there is none.
    Taken(SocketAddr),
}

impl HttpListening {
    /// The address of the page for a browser: where the door listens on all addresses, one of those for
    /// other machines, or without TLS, by which it is not reached from there, the one for this machine.
    pub fn page(self) -> Option<String> {
        let HttpListening::At { address, is_tls } = self else {
            return None;
        };
        let scheme = if is_tls { "https" } else { "http" };
        if !is_tls && address.ip().is_unspecified() {
            let own = match address {
                SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
                SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
            };
            return Some(format!(
                "{scheme}://{}",
                SocketAddr::new(own, address.port())
            ));
        }
        let shown = crate::hub_state::addresses(address).into_iter().next();
        let shown = shown.unwrap_or_else(|| address.to_string());
        Some(format!("{scheme}://{shown}"))
    }
}

/// A door that has its address. Whoever connects waits.
pub(crate) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
    proxies: Proxies,
    hosts: Hosts,
}

impl Bound {
    /// Takes the address; `None` if it is taken and not needed.
    pub(crate) fn bind(config: HttpConfig) -> Result<Option<Self>, HttpError> {
        let address = config.address.socket();
        let is_open = address.ip().is_loopback() || !config.proxies.is_empty();
        if config.tls.is_none() && !is_open {
            return Err(HttpError::PlainBeyondLoopback(address));
        }
        let tls = config.tls.map(Tls::load).transpose()?;
        let (listener, found) = match (listen_at(address), config.address) {
            (Ok(listening), _) => listening,
            (Err(_), HttpAddress::IfFree(_)) => return Ok(None),
            (Err(source), HttpAddress::Needed(_)) => {
                return Err(HttpError::Listen { address, source });
            }
        };
        Ok(Some(Bound {
            listener,
            address: found,
            hosts: Hosts::new(config.hosts, tls.clone()),
            tls,
            proxies: Proxies::new(config.proxies),
        }))
    }

    pub(crate) fn listening(&self) -> HttpListening {
        HttpListening::At {
            address: self.address,
            is_tls: self.tls.is_some(),
        }
    }

    /// Begins to serve within a share of so many descriptors: each connection may have a segment open
    /// besides.
    pub(crate) fn serve(self, parts: HubParts, share: usize) -> Result<Serving, HttpError> {
        let connections = (share / 2).max(1);
        let Bound {
            listener,
            tls,
            proxies,
            hosts,
            address,
        } = self;
        let (closing, meters) = (parts.closing.clone(), Arc::clone(&parts.meters));
        let reached = Reached {
            hosts,
            proxies: proxies.clone(),
        };
        let http = Arc::new(Http::new(parts, address.port(), tls.clone(), reached));
        let door = Door {
            router: router(&http)?,
            tls: tls.clone(),
            proxies,
            places: NetworkPlaces::new((connections / NETWORK_SHARE).max(1)),
            closing: closing.clone(),
            meters,
        };
        let bounds = Bounds {
            connections,
            lifetime: None,
            drain: limits::DRAIN_DEADLINE,
        };
        let accepting = accept_loop(listener, bounds, closing, move |stream, peer| {
            let span = tracing::error_span!("connection", service = "HTTP", %peer);
            door.clone().serve(stream, peer).instrument(span)
        });
        let following = tls.map(|tls| AbortOnDropHandle::new(tokio::spawn(tls.follow())));
        Ok(Serving {
            accepting: AbortOnDropHandle::new(tokio::spawn(accepting)),
            following,
        })
    }
}

/// A door that is open.
pub(crate) struct Serving {
    accepting: AbortOnDropHandle<()>,
    following: Option<AbortOnDropHandle<()>>,
}

impl Serving {
    /// Resolves when a part of it has ended.
    pub(crate) async fn ended(&mut self) {
        match &mut self.following {
            Some(following) => tokio::select! {
                _ = &mut self.accepting => {}
                _ = following => {}
            },
            None => drop((&mut self.accepting).await),
        }
    }

    /// Waits for the end of the connections; the hub is closing.
    pub(crate) async fn close(self) {
        if !self.accepting.is_finished() {
            // However it ended.
            let _ = self.accepting.await;
        }
    }
}

/// The parts that every connection needs.
#[derive(Clone)]
struct Door {
    router: Router,
    tls: Option<Tls>,
    proxies: Proxies,
    /// The connections of each client network; a proxy speaks for many.
    places: NetworkPlaces,
    closing: CancellationToken,
    meters: Arc<Meters>,
}

impl Door {
    async fn serve(self, stream: TcpStream, peer: SocketAddr) {
        let mut _place = None;
        if !self.proxies.contain(peer.ip()) {
            _place = self.places.admit(peer.ip());
            if _place.is_none() {
                self.meters.http_refused.one();
                tracing::debug!("this client network has its share of the connections");
                return;
            }
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let connection = Connection {
            peer,
            is_tls: self.tls.is_some(),
        };
        let Some(tls) = &self.tls else {
            return self.converse(stream, connection).await;
        };
        let handshake = TlsAcceptor::from(tls.config()).accept(stream);
        let shaken = tokio::select! {
            shaken = timeout(limits::HANDSHAKE_DEADLINE, Box::pin(handshake)) => shaken,
            () = self.closing.cancelled() => return,
        };
        match shaken {
            Ok(Ok(stream)) => Box::pin(self.converse(stream, connection)).await,
            Ok(Err(error)) => tracing::debug!(%error, "no TLS handshake"),
            Err(_) => tracing::debug!("the TLS handshake took too long"),
        }
    }

    /// Answers the requests of a connection, until its end or the hub's.
    async fn converse<T>(&self, stream: T, connection: Connection)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = self.router.clone().map_request(
            move |mut request: hyper::Request<hyper::body::Incoming>| {
                request.extensions_mut().insert(connection);
                request
            },
        );
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_DEADLINE)
            .max_buf_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .serve_connection(
                TokioIo::new(Patient::new(stream)),
                TowerToHyperService::new(service),
            );
        let mut serving = std::pin::pin!(serving);
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = self.closing.cancelled() => {
                // The request that is under way is answered.
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "the connection ended");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_tls_the_page_of_all_addresses_is_shown_at_this_machine() {
        let page = |address: &str| {
            let address = address.parse().unwrap();
            let is_tls = false;
            HttpListening::At { address, is_tls }.page().unwrap()
        };
        assert_eq!(page("0.0.0.0:7480"), "http://127.0.0.1:7480");
        assert_eq!(page("[::]:7480"), "http://[::1]:7480");
        assert_eq!(page("192.0.2.7:7480"), "http://192.0.2.7:7480");
    }
}
