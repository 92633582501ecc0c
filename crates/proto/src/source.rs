//! What counts as one source of requests.

use std::net::{IpAddr, Ipv4Addr};

/// An IPv4 address, or the /56 that a provider gives one customer (RFC 6177, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// One IPv4 address.
    V4(Ipv4Addr),
    /// The first seven bytes of IPv6 addresses.
    V6([u8; 7]),
}

impl Source {
    /// Of this address; an IPv4-mapped one counts as IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Source::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, ..] = address.octets();
                Source::V6([a, b, c, d, e, f, g])
            }
        }
    }
}
