//! The client network: the unit in which the hub counts failed logins, sessions and requests.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 address, or the /56 that a provider gives one customer (RFC 6177, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientNetwork {
    /// One IPv4 address.
    V4(Ipv4Addr),
    /// The first seven bytes of IPv6 addresses.
    V6([u8; 7]),
}

impl ClientNetwork {
    /// Of this address; an IPv4-mapped one counts as IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => ClientNetwork::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, ..] = address.octets();
                ClientNetwork::V6([a, b, c, d, e, f, g])
            }
        }
    }
}

impl fmt::Display for ClientNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ClientNetwork::V4(address) => address.fmt(f),
            ClientNetwork::V6([a, b, c, d, e, g, h]) => {
                let octets = [a, b, c, d, e, g, h, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                write!(f, "{}/56", Ipv6Addr::from(octets))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shown_as_an_address_or_as_a_network() {
        for (address, source) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2ff:3:4:5:6", "2001:db8:1:200::/56"),
        ] {
            assert_eq!(
                ClientNetwork::of(address.parse().unwrap()).to_string(),
                source
            );
        }
    }
}
