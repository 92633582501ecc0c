//! The addresses that a device announces for transfers, beside the one from which its hub sees it.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::limits::MAX_ADDRESSES;

/// Addresses of a device's endpoint, at most [`MAX_ADDRESSES`], with one port at each IP address, so
/// that nobody can have many packets sent to one host. An IPv4-mapped one is IPv4.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<SocketAddr>")]
pub struct Addresses(Vec<SocketAddr>);

/// The reason why a device cannot have such an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There are too many of them.
    #[error("a device has at most {MAX_ADDRESSES} addresses")]
    TooMany,
    /// The port is 0.
    #[error("{0}: an address has a port other than 0")]
    NoPort(SocketAddr),
    /// It stands for any address.
    #[error("{0}: the unspecified address is nobody's")]
    Unspecified(SocketAddr),
    /// It is a group's (RFC 1112, RFC 4291 section 2.7).
    #[error("{0}: a multicast address is no device's")]
    Multicast(SocketAddr),
    /// It is everybody's on a link (RFC 919).
    #[error("{0}: a broadcast address is no device's")]
    Broadcast(SocketAddr),
    /// Without its scope, which means nothing elsewhere, it is nobody's (RFC 4007, section 6).
    #[error("{0}: a link-local IPv6 address works on its own link only")]
    LinkLocal(SocketAddr),
}

impl Addresses {
    /// The usable ones of these, in their order, as many as there may be. Where there are others,
    /// those of loopback are left out: nobody elsewhere reaches them.
    pub fn usable(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let checked = addresses.into_iter().filter_map(|a| check(a).ok());
        let mut usable: Vec<SocketAddr> = checked.collect();
        if usable.iter().any(|address| !address.ip().is_loopback()) {
            usable.retain(|address| !address.ip().is_loopback());
        }
        let mut addresses = one_port_each(usable);
        addresses.0.truncate(MAX_ADDRESSES);
        addresses
    }

    /// They, in their order.
    pub fn iter(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().copied()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Vec<SocketAddr>> for Addresses {
    type Error = AddressError;

    fn try_from(addresses: Vec<SocketAddr>) -> Result<Self, Self::Error> {
        if addresses.len() > MAX_ADDRESSES {
            return Err(AddressError::TooMany);
        }
        let checked: Vec<_> = addresses.into_iter().map(check).collect::<Result<_, _>>()?;
        Ok(one_port_each(checked))
    }
}

fn one_port_each(mut addresses: Vec<SocketAddr>) -> Addresses {
    let mut seen = BTreeSet::new();
    addresses.retain(|address| seen.insert(address.ip()));
    Addresses(addresses)
}

/// The address in its one spelling, if something can be sent there.
fn check(address: SocketAddr) -> Result<SocketAddr, AddressError> {
    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
    let (broadcast, link_local) = match address.ip() {
        IpAddr::V4(ip) => (ip.is_broadcast(), false),
        IpAddr::V6(ip) => (false, ip.is_unicast_link_local()),
    };
    match address.ip() {
        _ if address.port() == 0 => Err(AddressError::NoPort(address)),
        ip if ip.is_unspecified() => Err(AddressError::Unspecified(address)),
        ip if ip.is_multicast() => Err(AddressError::Multicast(address)),
        _ if broadcast => Err(AddressError::Broadcast(address)),
        _ if link_local => Err(AddressError::LinkLocal(address)),
        _ => Ok(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> Result<Vec<String>, String> {
        let addresses = serde_json::from_str::<Addresses>(json).map_err(|e| e.to_string())?;
        Ok(addresses.iter().map(|a| a.to_string()).collect())
    }

    fn usable(addresses: &[&str]) -> Vec<String> {
        let addresses = addresses.iter().map(|a| a.parse().unwrap());
        let usable = Addresses::usable(addresses);
        usable.iter().map(|a| a.to_string()).collect()
    }

    #[test]
    fn an_address_has_one_spelling_and_stands_once() {
        let all = r#"["192.0.2.1:5","[::ffff:192.0.2.1]:5","192.0.2.1:6","[2001:db8::1%7]:5"]"#;
        let expected = ["192.0.2.1:5", "[2001:db8::1]:5"];
        assert_eq!(parsed(all).unwrap(), expected);
        assert_eq!(parsed("[]").unwrap(), [""; 0]);
    }

    #[test]
    fn what_nothing_can_be_sent_to_is_refused_and_why_is_said() {
        for (address, why) in [
            ("192.0.2.1:0", "a port other than 0"),
            ("0.0.0.0:5", "unspecified"),
            ("[::]:5", "unspecified"),
            ("[::ffff:0.0.0.0]:5", "unspecified"),
            ("224.0.0.251:5353", "multicast"),
            ("[ff02::1]:5", "multicast"),
            ("255.255.255.255:5", "broadcast"),
            ("[fe80::1]:5", "link-local"),
        ] {
            let refused = parsed(&format!(r#"["198.51.100.1:5","{address}"]"#)).unwrap_err();
            assert!(refused.contains(why), "{address}: {refused}");
        }
        assert!(parsed(r#"["192.0.2.1"]"#).is_err());
        let many = |count: usize| {
            let all: Vec<_> = (0..count).map(|n| format!("\"192.0.2.{n}:5\"")).collect();
            parsed(&format!("[{}]", all.join(",")))
        };
        assert_eq!(many(MAX_ADDRESSES).unwrap().len(), MAX_ADDRESSES);
        assert!(many(MAX_ADDRESSES + 1).unwrap_err().contains("at most 16"));
    }

    #[test]
    fn a_device_says_what_others_can_use() {
        let all = [
            "127.0.0.1:5",
            "192.0.2.1:5",
            "[fe80::1]:5",
            "[::1]:5",
            "0.0.0.0:5",
            "[::ffff:192.0.2.1]:5",
            "[2001:db8::1]:5",
        ];
        assert_eq!(usable(&all), ["192.0.2.1:5", "[2001:db8::1]:5"]);
        let alone = ["127.0.0.1:5", "[fe80::1]:5", "[::1]:5"];
        assert_eq!(usable(&alone), ["127.0.0.1:5", "[::1]:5"]);
        let many: Vec<_> = (0..40).map(|n| format!("192.0.2.{n}:5")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(usable(&many), many[..MAX_ADDRESSES]);
    }
}
