//! The UDP port on which a device accepts peers.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

use fleetlink_client::transfer::Endpoint;
use tokio::time::timeout;

use crate::failure::Failure;

/// The tries to find a free port: between finding one and binding it another process can be faster.
const TRIES: u32 = 8;

/// The time that peers are given at the end to hear that the transfers have ended.
const CLOSE_DEADLINE: Duration = Duration::from_secs(3);

/// Does `work` with the port taken, and then ends all connections and tells the peers.
pub(crate) async fn with<T>(
    port: u16,
    work: impl AsyncFnOnce(Endpoint) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let endpoint = bind(port).await?;
    let done = Box::pin(work(endpoint.clone())).await;
    let _ = timeout(CLOSE_DEADLINE, endpoint.close()).await;
    done
}

/// Takes the port on all addresses, of both families where the host has both; 0 is any free one.
async fn bind(port: u16) -> Result<Endpoint, Failure> {
    if port != 0 {
        look(port).map_err(|e| cannot_use(port, &e))?;
    }
    let mut tries = 1;
    loop {
        match Endpoint::bind(port).await {
            Err(_) if port == 0 && tries < TRIES => tries += 1,
            bound => return bound.map_err(|e| cannot_use(port, &e)),
        }
    }
}

/// Whether the port is free. The endpoint itself takes what it gets of the two families.
fn look(port: u16) -> io::Result<()> {
    let bound = match UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)) {
        Err(e) if e.kind() != io::ErrorKind::AddrInUse => {
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))
        }
        bound => bound,
    };
    bound.map(drop)
}

fn cannot_use(port: u16, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::General(format!(
            "the UDP port {port} is in use on this device; choose another, or 0 for any free one"
        )),
        _ => Failure::General(format!("the UDP port {port} cannot be used: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_named() {
        let first = bind(0).await.unwrap();
        let port = first.port();
        let refused = bind(port).await.unwrap_err().to_string();
        assert!(refused.contains(&format!("UDP port {port} is in use")));
        first.close().await;
        let other = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = other.local_addr().unwrap().port();
        let refused = bind(port).await.unwrap_err().to_string();
        assert!(refused.contains(&format!("UDP port {port} is in use")));
    }
}
