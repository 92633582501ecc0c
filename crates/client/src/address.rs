//! The address of a hub.

use std::fmt;
use std::str::FromStr;

use fleetlink_proto::control::limits::DEFAULT_PORT;

/// A hub's host (a name or an address) and port, as the person gave them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HubAddress {
    host: String,
    port: u16,
}

/// The reason for which a text is no hub's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HubAddressError {
    /// The port is no number from 1 to 65535.
    #[error("the hub's port must be a number from 1 to 65535")]
    Port,
    /// The host is empty, too long, or holds what no host name has.
    #[error(
        "the hub's host is not a host name or an IP address; expected is HOST, HOST:PORT or \
         [IPv6]:PORT"
    )]
    Host,
    /// A URL with more than a host and a port.
    #[error("a hub's address has no path: expected is HOST, HOST:PORT or [IPv6]:PORT")]
    Path,
}

impl HubAddress {
    /// The hub at `host` (an IPv6 address with or without its brackets) and `port`.
    pub fn new(host: &str, port: u16) -> Result<Self, HubAddressError> {
        let host = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(host);
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '%');
        if host.is_empty() || host.len() > 255 || !host.chars().all(allowed) {
            return Err(HubAddressError::Host);
        }
        if port == 0 {
            return Err(HubAddressError::Port);
        }
        Ok(HubAddress {
            host: host.to_owned(),
            port,
        })
    }

    /// Tells whether the text of an address names a port.
    pub fn names_port(text: &str) -> bool {
        without_scheme(text).is_ok_and(|text| split(text).1.is_some())
    }

    /// The host, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// A link that a person copied is an address all the same.
fn without_scheme(text: &str) -> Result<&str, HubAddressError> {
    let text = match text.split_once("://") {
        Some(("https" | "http" | "fleetlink", rest)) => rest.strip_suffix('/').unwrap_or(rest),
        _ => text,
    };
    match text.contains('/') {
        true => Err(HubAddressError::Path),
        false => Ok(text),
    }
}

/// The host, and the port where one is named.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        // Of an IPv6 address, with or without brackets, the last part is no port.
        Some((host, _)) if text.ends_with(']') || host.contains(':') && !host.ends_with(']') => {
            (text, None)
        }
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    }
}

impl FromStr for HubAddress {
    type Err = HubAddressError;

    /// Reads `HOST`, `HOST:PORT`, `[IPv6]:PORT` and an IPv6 address; without a port it is
    /// [`DEFAULT_PORT`]. `https://` in front and `/` at the end, as in a link, change nothing.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = split(without_scheme(text)?);
        let port = match port {
            Some(port) => port.parse().map_err(|_| HubAddressError::Port)?,
            None => DEFAULT_PORT,
        };
        HubAddress::new(host, port)
    }
}

impl fmt::Display for HubAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_addresses_of_both_families() {
        for text in ["hub:7000", "192.0.2.1:1", "[::1]:65535", "[fe80::1%eth0]:9"] {
            assert_eq!(text.parse::<HubAddress>().unwrap().to_string(), text);
        }
        assert_eq!(HubAddress::new("::1", 7).unwrap().to_string(), "[::1]:7");
        assert_eq!(HubAddress::new("[::1]", 7).unwrap().host(), "::1");
    }

    #[test]
    fn the_port_and_what_a_link_has_in_front_may_be_left_out() {
        for (text, address) in [
            ("hub", "hub:7421"),
            ("::1", "[::1]:7421"),
            ("[::1]", "[::1]:7421"),
            ("https://hub:7000", "hub:7000"),
            ("https://hub/", "hub:7421"),
            ("https://[::1]:7000/", "[::1]:7000"),
        ] {
            assert_eq!(text.parse::<HubAddress>().unwrap().to_string(), address);
        }
    }

    #[test]
    fn refuses_the_rest_with_its_reason() {
        let refused = |text: &str| text.parse::<HubAddress>().unwrap_err();
        assert_eq!(refused("https://hub:1/page"), HubAddressError::Path);
        assert_eq!(refused("hub/"), HubAddressError::Path);
        assert_eq!(refused("https://"), HubAddressError::Host);
        assert_eq!(refused("https://hub:x"), HubAddressError::Port);
        assert_eq!(refused("hub:x"), HubAddressError::Port);
        assert_eq!(refused("hub:0"), HubAddressError::Port);
        assert_eq!(refused(":7"), HubAddressError::Host);
        assert_eq!(refused("a b:7"), HubAddressError::Host);
    }
}
