//! TCP to one of the hub's addresses.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::ConnectError;
use crate::HubAddress;
use crate::limits::{RESOLVE_DEADLINE, TCP_CONNECT_DEADLINE};

/// Tries each address of the hub in the resolver's order, each with its own deadline.
pub(super) async fn connect(
    hub: &HubAddress,
    loopback_only: bool,
) -> Result<(TcpStream, SocketAddr), ConnectError> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for peer in resolve(hub).await? {
        if loopback_only && !peer.ip().to_canonical().is_loopback() {
            return Err(ConnectError::PlainElsewhere(peer));
        }
        match timeout(TCP_CONNECT_DEADLINE, TcpStream::connect(peer)).await {
            // Without this, small answers wait for Nagle's delay.
            Ok(Ok(tcp)) => match tcp.set_nodelay(true) {
                Ok(()) => return Ok((tcp, peer)),
                Err(e) => last = e,
            },
            Ok(Err(e)) => last = e,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "it does not answer"),
        }
    }
    Err(ConnectError::Unreachable {
        address: hub.clone(),
        source: last,
    })
}

async fn resolve(hub: &HubAddress) -> Result<Vec<SocketAddr>, ConnectError> {
    match timeout(RESOLVE_DEADLINE, lookup_host((hub.host(), hub.port()))).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(source)) => Err(ConnectError::Resolve {
            host: hub.host().to_owned(),
            source,
        }),
        Err(_) => Err(ConnectError::TimedOut {
            step: "name resolution",
            limit: RESOLVE_DEADLINE,
        }),
    }
}
