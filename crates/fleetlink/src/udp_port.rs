//! The UDP port on which a device accepts peers.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};

use crate::failure::Failure;

/// Takes the port on all addresses, of both families where the host has both; 0 is any free one.
pub(crate) fn bind(port: u16) -> Result<UdpSocket, Failure> {
    let bound = match UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)) {
        Err(e) if e.kind() != io::ErrorKind::AddrInUse => {
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))
        }
        bound => bound,
    };
    bound.map_err(|e| match e.kind() {
        io::ErrorKind::AddrInUse => Failure::General(format!(
            "the UDP port {port} is in use on this device; choose another, or 0 for any free one"
        )),
        _ => Failure::General(format!("the UDP port {port} cannot be used: {e}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named() {
        let first = bind(0).unwrap();
        let port = first.local_addr().unwrap().port();
        let refused = bind(port).unwrap_err().to_string();
        assert!(refused.contains(&format!("UDP port {port} is in use")));
    }
}
