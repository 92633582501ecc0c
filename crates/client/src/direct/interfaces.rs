//! The addresses of this host.

use std::net::{IpAddr, SocketAddr};

use fleetlink_proto::transfer::Addresses;
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;

/// Returns the addresses at which others reach a port that is open on all of this host's addresses, over
/// IPv6 too where `v6`: those of the interfaces that are up now. Empty where the host does not tell.
///
/// It is asked and not iroh, which leaves unique local IPv6 addresses out beside others: in a
/// network without a provider these are all there is of IPv6.
pub(super) fn addresses(port: u16, v6: bool) -> Addresses {
    let found = getifaddrs().inspect_err(|error| {
        tracing::debug!(%error, "the host does not say which addresses it has");
    });
    let up = found
        .into_iter()
        .flatten()
        .filter_map(|interface| ip(&interface));
    let (v6, v4): (Vec<_>, Vec<_>) = up
        .filter(|ip| v6 || ip.is_ipv4())
        .partition(IpAddr::is_ipv6);
    let turns = |family: Vec<IpAddr>| family.into_iter().enumerate();
    // Both families by turns, so that many of one leave room for the other.
    let mut all: Vec<_> = turns(v4).chain(turns(v6)).collect();
    all.sort_by_key(|(turn, _)| *turn);
    Addresses::usable(all.into_iter().map(|(_, ip)| SocketAddr::new(ip, port)))
}

/// Of the addresses that a peer has announced, those at which it can be. One that this host has
/// too, such as those of container bridges, is the peer's only where all of them are this host's:
/// then both are on it. Else somebody on this host would answer there.
pub(super) fn of_peer(announced: &[SocketAddr], own: &Addresses) -> Vec<SocketAddr> {
    let is_own = |a: &SocketAddr| own.iter().any(|own| own.ip() == a.ip());
    let others = announced.iter().copied().filter(|a| !is_own(a));
    let others: Vec<_> = others.collect();
    match others.is_empty() {
        true => announced.to_vec(),
        false => others,
    }
}

fn ip(interface: &InterfaceAddress) -> Option<IpAddr> {
    if !interface.flags.contains(InterfaceFlags::IFF_UP) {
        return None;
    }
    let address = interface.address.as_ref()?;
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_both_hosts_is_this_ones() {
        let parse = |list: &[&str]| -> Vec<SocketAddr> {
            list.iter()
                .map(|address| address.parse().unwrap())
                .collect()
        };
        let own = Addresses::usable(parse(&["192.0.2.1:5", "172.17.0.1:5", "[fd77::1]:5"]));
        for (announced, tried) in [
            (&["192.0.2.2:6", "172.17.0.1:6"][..], &["192.0.2.2:6"][..]),
            (&["172.17.0.1:6", "[fd77::2]:6"], &["[fd77::2]:6"]),
            // Both on one host.
            (
                &["192.0.2.1:6", "172.17.0.1:6"],
                &["192.0.2.1:6", "172.17.0.1:6"],
            ),
            (&[], &[]),
        ] {
            assert_eq!(of_peer(&parse(announced), &own), parse(tried));
        }
    }

    /// This host can listen at each address that it reports as its own, whatever its network is.
    #[test]
    fn they_are_this_hosts_own() {
        let found = addresses(7421, true);
        assert!(!found.is_empty());
        for address in found.iter() {
            assert_eq!(address.port(), 7421);
            std::net::UdpSocket::bind((address.ip(), 0)).unwrap();
        }
        assert!(
            addresses(7421, false)
                .iter()
                .all(|address| address.is_ipv4())
        );
    }
}
