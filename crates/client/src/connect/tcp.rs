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
            // Where the resolver could not be asked, nothing is known of the name.
            let kind = match is_unasked(&source.to_string()) {
                true => ErrorKind::Unreachable,
                false => ErrorKind::UnknownHost,
            };
            Err(Error::new(kind, message).because(source))
        }
        Err(_) => Err(super::late("name resolution", RESOLVE_DEADLINE)),
    }
}

/// Whether this is how the C library says that the resolver itself could not be asked (`EAI_AGAIN`),
/// in glibc's words or in musl's. The standard library gives the words alone.
fn is_unasked(text: &str) -> bool {
    let said = text.rsplit(": ").next().unwrap_or(text);
    said.starts_with("Temporary failure") || said == "Try again"
}

#[cfg(test)]
mod tests {
    use super::is_unasked;

    #[test]
    fn a_resolver_that_cannot_be_asked_is_told_from_a_name_that_nobody_has() {
        for (said, unasked) in [
            ("Temporary failure in name resolution", true),
            ("Try again", true),
            ("Name or service not known", false),
            ("Name does not resolve", false),
            ("No address associated with hostname", false),
        ] {
            let text = format!("failed to lookup address information: {said}");
            assert_eq!(is_unasked(&text), unasked, "{text}");
        }
    }
}
