//! The client behind a proxy. A proxy that the operator named is believed; nobody else is.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

use super::connection::{Client, Connection};
use super::problem::Problem;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The proxies in front of the hub.
#[derive(Debug, Clone)]
pub(super) struct Proxies(Vec<IpNet>);

impl Proxies {
    pub(super) fn new(networks: Vec<IpNet>) -> Self {
        Proxies(networks)
    }

    /// Whether this address is one of them.
    pub(super) fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client of a request that came by this connection.
    ///
    /// # Errors
    /// Without TLS it came from another machine that is no proxy, or the proxy's headers cannot be
    /// read.
    pub(super) fn client(
        &self,
        connection: &Connection,
        headers: &HeaderMap,
    ) -> Result<Client, Problem> {
        let peer = connection.peer.ip().to_canonical();
        if self.contain(peer)
            && let Some(address) = self.forwarded_for(headers)?
        {
            let is_tls = forwarded_tls(headers);
            // Another machine's loopback is not this one's.
            let address = match address.is_loopback() && !peer.is_loopback() {
                true => peer,
                false => address,
            };
            return Ok(Client {
                address,
                is_private: is_tls || (address.is_loopback() && peer.is_loopback()),
                is_tls,
            });
        }
        if !connection.is_tls && !peer.is_loopback() && !self.contain(peer) {
            let why = "without TLS this hub is reached from its own machine and through its proxy \
                       alone";
            return Err(Problem::forbidden(why));
        }
        Ok(Client {
            address: peer,
            is_private: connection.is_tls || peer.is_loopback(),
            is_tls: connection.is_tls,
        })
    }

    /// The last address that no proxy has: each proxy adds its peer at the end, so that what stands
    /// before is the client's own word. If all are proxies, the one that the nearest proxy added.
    fn forwarded_for(&self, headers: &HeaderMap) -> Result<Option<IpAddr>, Problem> {
        let mut addresses = Vec::new();
        for value in headers.get_all(FORWARDED_FOR) {
            let text = value.to_str().map_err(|_| unreadable())?;
            addresses.extend(text.split(',').map(str::trim));
        }
        let mut nearest = None;
        for text in addresses.iter().rev() {
            let address = parse_address(text).ok_or_else(unreadable)?;
            if !self.contain(address) {
                return Ok(Some(address));
            }
            nearest = nearest.or(Some(address));
        }
        Ok(nearest)
    }
}

/// The proxy is asked by TLS, as it says.
fn forwarded_tls(headers: &HeaderMap) -> bool {
    let values = headers.get_all(FORWARDED_PROTO).iter();
    let last = values.filter_map(|value| value.to_str().ok()).next_back();
    let last = last.and_then(|value| value.rsplit(',').next());
    last.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
}

/// Some proxies add the port, and brackets around an IPv6 address.
fn parse_address(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|a| a.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = address.or_else(with_port).or_else(in_brackets)?;
    Some(address.to_canonical())
}

fn unreadable() -> Problem {
    Problem::bad_request("X-Forwarded-For must be a list of IP addresses")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, is_tls: bool, headers: &[(&'static str, &str)]) -> Option<Client> {
        let proxies = ["127.0.0.1/32", "10.0.0.0/8", "2001:db8:1::/48"];
        let proxies = proxies.map(|network| network.parse().unwrap()).to_vec();
        let peer = std::net::SocketAddr::new(peer.parse().unwrap(), 9);
        let connection = Connection { peer, is_tls };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Proxies::new(proxies).client(&connection, &map).ok()
    }

    fn from(address: &str, is_private: bool, is_tls: bool) -> Option<Client> {
        Some(Client {
            address: address.parse().unwrap(),
            is_private,
            is_tls,
        })
    }

    #[test]
    fn only_a_named_proxy_is_believed_about_its_client() {
        let forged = [(FORWARDED_FOR, "127.0.0.1"), (FORWARDED_PROTO, "https")];
        assert_eq!(
            client("192.0.2.7", true, &forged),
            from("192.0.2.7", true, true)
        );
        assert_eq!(client("192.0.2.7", false, &forged), None);
        let told = [(FORWARDED_FOR, "127.0.0.1, 198.51.100.9, 10.1.2.3")];
        assert_eq!(
            client("10.9.9.9", false, &told),
            from("198.51.100.9", false, false)
        );
        let with_tls = [told[0], (FORWARDED_PROTO, "http, https")];
        for peer in ["10.9.9.9", "::ffff:10.9.9.9", "2001:db8:1::5", "127.0.0.1"] {
            assert_eq!(
                client(peer, false, &with_tls),
                from("198.51.100.9", true, true),
                "{peer}"
            );
        }
        // Several headers are one list.
        let twice = [
            (FORWARDED_FOR, "198.51.100.1"),
            (FORWARDED_FOR, "[2001:db8:2::1]:44"),
        ];
        assert_eq!(
            client("10.9.9.9", false, &twice),
            from("2001:db8:2::1", false, false)
        );
        assert_eq!(
            client("10.9.9.9", false, &[(FORWARDED_FOR, "unknown")]),
            None
        );
    }

    #[test]
    fn a_loopback_address_of_another_machine_is_not_this_machine() {
        let forged = [(FORWARDED_FOR, "127.0.0.1")];
        for address in ["127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1"] {
            let told = [(FORWARDED_FOR, address)];
            assert_eq!(
                client("10.9.9.9", false, &told),
                from("10.9.9.9", false, false),
                "{address}"
            );
        }
        assert_eq!(
            client("127.0.0.1", false, &forged),
            from("127.0.0.1", true, false)
        );
    }

    #[test]
    fn a_client_within_the_proxies_network_is_the_one_that_the_nearest_proxy_saw() {
        let told = [(FORWARDED_FOR, "10.7.7.7, 10.1.2.3")];
        assert_eq!(
            client("10.9.9.9", false, &told),
            from("10.1.2.3", false, false)
        );
    }

    #[test]
    fn a_proxy_speaks_for_itself_where_it_names_nobody() {
        assert_eq!(
            client("10.9.9.9", false, &[]),
            from("10.9.9.9", false, false)
        );
        assert_eq!(
            client("127.0.0.1", false, &[]),
            from("127.0.0.1", true, false)
        );
        // This machine's own clients need no proxy.
        assert_eq!(
            client("127.0.0.2", false, &[]),
            from("127.0.0.2", true, false)
        );
    }
}
