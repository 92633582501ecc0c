//! The hub's state, as far as tickets and grants need it: a running hub's address and key, or the
//! folder of a stopped one.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use rustls::pki_types::CertificateDer;

use fleetlink_core::Rule;
use fleetlink_proto::HubPin;
use fleetlink_proto::ticket::MAX_TICKET_ADDRESSES;

use crate::driver::wall_time;
use crate::http::HttpListening;
use crate::identity::{Identity, IdentityError};
use crate::rules::OptionRules;

/// A running hub's address and key, or the folder of a stopped hub.
#[derive(Clone)]
pub(crate) enum HubState {
    /// Of one that runs.
    Running {
        /// The address on which it listens.
        listen: SocketAddr,
        identity: Identity,
        /// Whether it is without TLS, and so shows its key to nobody.
        plain: bool,
        /// Its page.
        http: HttpListening,
        /// The rules of its options.
        rules: OptionRules,
    },
    /// Of one that does not run: its key is in this folder.
    Stopped(PathBuf),
}

impl HubState {
    /// The pin of the hub's key.
    ///
    /// # Errors
    /// A sentence for the operator: there is no such thing, or the key cannot be used.
    pub(crate) fn pin(&self) -> Result<HubPin, String> {
        match self {
            HubState::Running { plain: true, .. } => {
                Err("a hub without TLS knows no keys, and so no tickets".to_owned())
            }
            HubState::Running { identity, .. } => Ok(identity.shown().pin()),
            // A ticket may be issued before the first start.
            HubState::Stopped(folder) => match Identity::load_or_create(folder, wall_time()) {
                Ok(identity) => Ok(identity.shown().pin()),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    /// The certificate that devices are shown, if the hub runs and shows one.
    pub(crate) fn certificate(&self) -> Option<CertificateDer<'static>> {
        match self {
            HubState::Running {
                identity,
                plain: false,
                ..
            } => Some(identity.shown().certificate().clone()),
            HubState::Running { plain: true, .. } | HubState::Stopped(_) => None,
        }
    }

    /// The address of the page, if the hub runs and serves it.
    pub(crate) fn page(&self) -> Option<String> {
        match self {
            HubState::Running { http, .. } => http.page(),
            HubState::Stopped(_) => None,
        }
    }

    /// The rules of the hub's options, if it runs.
    pub(crate) fn option_rules(&self) -> Vec<Rule> {
        match self {
            HubState::Running { rules, .. } => rules.all(),
            HubState::Stopped(_) => Vec::new(),
        }
    }

    /// The identity that the hub has. Blocks.
    pub(crate) fn identity(&self) -> Result<Identity, IdentityError> {
        match self {
            HubState::Running { identity, .. } => Ok(identity.clone()),
            HubState::Stopped(folder) => Identity::load(folder, wall_time()),
        }
    }
}

/// The addresses for devices of a hub that listens here: on every address of its host, those of
/// the host, as many as a ticket has room for.
pub(crate) fn addresses(listen: SocketAddr) -> Vec<String> {
    let ips = match listen.ip().is_unspecified() {
        true => reachable(listen.ip(), interface_addresses()),
        false => vec![listen.ip()],
    };
    let addresses = ips.into_iter().take(MAX_TICKET_ADDRESSES);
    addresses
        .map(|ip| SocketAddr::new(ip, listen.port()).to_string())
        .collect()
}

fn interface_addresses() -> Vec<IpAddr> {
    let interfaces = match getifaddrs() {
        Ok(interfaces) => interfaces,
        Err(error) => {
            tracing::warn!(%error, "the addresses of this host cannot be found out");
            return Vec::new();
        }
    };
    let up = interfaces.filter(|interface| interface.flags.contains(InterfaceFlags::IFF_UP));
    let address = |interface: nix::ifaddrs::InterfaceAddress| {
        let address = interface.address?;
        let ip4 = address.as_sockaddr_in().map(|ip| IpAddr::V4(ip.ip()));
        ip4.or_else(|| Some(IpAddr::V6(address.as_sockaddr_in6()?.ip())))
    };
    up.filter_map(address).collect()
}

/// Those of the host's addresses at which a hub can be found that listens on all of them: IPv4
/// first, loopback only where there is nothing else. A link-local one means nothing without the
/// name of an interface of the device's.
fn reachable(listen: IpAddr, host: Vec<IpAddr>) -> Vec<IpAddr> {
    let usable = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_link_local(),
        IpAddr::V6(ip) => listen.is_ipv6() && !ip.is_unicast_link_local(),
    };
    let mut ips: Vec<IpAddr> = host.into_iter().filter(usable).collect();
    ips.sort_by_key(IpAddr::is_ipv6);
    let (loopback, others): (Vec<_>, Vec<_>) = ips.into_iter().partition(IpAddr::is_loopback);
    if others.is_empty() { loopback } else { others }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(listen: &str, host: &[&str]) -> Vec<String> {
        let host = host.iter().map(|ip| ip.parse().unwrap()).collect();
        let ips = reachable(listen.parse().unwrap(), host);
        ips.iter().map(IpAddr::to_string).collect()
    }

    #[test]
    fn a_hub_on_every_address_is_at_those_of_its_host() {
        let host = [
            "127.0.0.1",
            "::1",
            "2001:db8::5",
            "fe80::1",
            "192.0.2.7",
            "169.254.3.3",
        ];
        assert_eq!(chosen("0.0.0.0", &host), ["192.0.2.7"]);
        assert_eq!(chosen("::", &host), ["192.0.2.7", "2001:db8::5"]);
        assert_eq!(chosen("::", &host[..2]), ["127.0.0.1", "::1"]);
    }

    #[test]
    fn a_hub_on_one_address_is_there() {
        let listen = "127.0.0.3:7421".parse().unwrap();
        assert_eq!(addresses(listen), ["127.0.0.3:7421"]);
    }

    #[test]
    fn this_host_has_addresses() {
        let found = addresses("0.0.0.0:7421".parse().unwrap());
        assert!(!found.is_empty() && found.len() <= MAX_TICKET_ADDRESSES);
        assert!(found.iter().all(|address| address.ends_with(":7421")));
    }
}
