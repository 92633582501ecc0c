//! The address of a server that is to be found on every address of its host.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// IPv6 with IPv4 where this host has IPv6, else IPv4 alone.
pub(crate) fn everywhere(port: u16) -> SocketAddr {
    let has_ipv6 = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if has_ipv6 {
        (Ipv6Addr::UNSPECIFIED, port).into()
    } else {
        (Ipv4Addr::UNSPECIFIED, port).into()
    }
}
