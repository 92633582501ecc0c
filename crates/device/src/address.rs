//! Where a hub is.

use std::fmt;
use std::str::FromStr;

/// A hub's host (a name or an address) and port, as the person gave them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HubAddress {
    host: String,
    port: u16,
}

/// Why a text is no hub's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HubAddressError {
    /// The port is missing.
    #[error("the hub's port is missing; expected is HOST:PORT or [IPv6]:PORT")]
    NoPort,
    /// The port is no number from 1 to 65535.
    #[error("the hub's port must be a number from 1 to 65535")]
    Port,
    /// The host is empty, too long, or holds what no host name has.
    #[error("the hub's host is not a host name or an IP address")]
    Host,
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

    /// The host, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for HubAddress {
    type Err = HubAddressError;

    /// Reads `HOST:PORT` and `[IPv6]:PORT`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or(HubAddressError::NoPort)?;
        if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
            return Err(HubAddressError::NoPort);
        }
        let port = port.parse().map_err(|_| HubAddressError::Port)?;
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
    fn refuses_the_rest_with_its_reason() {
        let refused = |text: &str| text.parse::<HubAddress>().unwrap_err();
        assert_eq!(refused("hub"), HubAddressError::NoPort);
        assert_eq!(refused("::1"), HubAddressError::NoPort);
        assert_eq!(refused("hub:x"), HubAddressError::Port);
        assert_eq!(refused("hub:0"), HubAddressError::Port);
        assert_eq!(refused(":7"), HubAddressError::Host);
        assert_eq!(refused("a b:7"), HubAddressError::Host);
    }
}
