//! TCP to one of the hub's addresses.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::Trust;
#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::limits::UNSENT_BYTES;
use crate::limits::{RESOLVE_DEADLINE, TCP_CONNECT_DEADLINE};
use crate::{Error, ErrorKind, HubAddress, Result};

/// Tries each address of the hub in the resolver's order, each with its own deadline.
pub(super) async fn connect(hub: &HubAddress, trust: Trust) -> Result<(TcpStream, SocketAddr)> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for peer in resolve(hub).await? {
        if !peer.ip().to_canonical().is_loopback() {
            match trust {
                Trust::Plain => {
                    let text = "without TLS only a hub on this host may be used, and";
                    return Err(Error::usage(format!("{text} {peer} is not")));
                }
                Trust::Loopback => {
                    let message = format!(
                        "the hub was expected on this host, and {peer} is another one, whose key \
                         is not known"
                    );
                    return Err(Error::new(ErrorKind::Elsewhere, message));
                }
                Trust::Pinned(_) | Trust::Learn => {}
            }
        }
        match timeout(TCP_CONNECT_DEADLINE, TcpStream::connect(peer)).await {
            Ok(Ok(tcp)) => match set_up(&tcp) {
                Ok(()) => return Ok((tcp, peer)),
                Err(e) => last = e,
            },
            Ok(Err(e)) => last = e,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "it does not answer"),
        }
    }
    let message = format!("no hub can be reached at {hub}: {last}");
    Err(Error::new(ErrorKind::Unreachable, message).because(last))
}

fn set_up(tcp: &TcpStream) -> io::Result<()> {
    // Without this, small answers wait for Nagle's delay.
    tcp.set_nodelay(true)?;
    // On a slow uplink the kernel would take megabytes at once, and pings would wait behind them.
    // The bytes in flight are not limited by it, so a fast and long way stays fast.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket2::SockRef::from(tcp).set_tcp_notsent_lowat(UNSENT_BYTES)?;
    Ok(())
}

async fn resolve(hub: &HubAddress) -> Result<Vec<SocketAddr>> {
    match timeout(RESOLVE_DEADLINE, lookup_host((hub.host(), hub.port()))).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(source)) => {
            let message = format!("the host {} is not known: {source}", hub.host());
            // The resolver itself could not be asked: nothing is known of the name.
            let kind = match source.to_string().contains("Temporary failure") {
                true => ErrorKind::Unreachable,
                false => ErrorKind::UnknownHost,
            };
            Err(Error::new(kind, message).because(source))
        }
        Err(_) => Err(super::late("name resolution", RESOLVE_DEADLINE)),
    }
}
