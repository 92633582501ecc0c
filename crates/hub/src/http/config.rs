//! The settings of the HTTP door.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

/// The settings of the HTTP door.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// The address to listen on.
    pub address: HttpAddress,
    /// The certificate; without it the door listens on loopback, or behind a proxy.
    pub tls: Option<HttpTls>,
    /// The networks of the proxies in front of the hub. Their word is believed about who calls.
    pub proxies: Vec<IpNet>,
    /// Names by which the door is reached, beside `localhost` and those of the certificate.
    pub hosts: Vec<String>,
    /// Whether everybody who reaches the door may read the metrics.
    pub metrics_are_public: bool,
}

impl HttpConfig {
    /// The door at this address, without TLS and without a proxy.
    pub fn new(address: HttpAddress) -> Self {
        HttpConfig {
            address,
            tls: None,
            proxies: Vec::new(),
            hosts: Vec::new(),
            metrics_are_public: false,
        }
    }
}

/// The address of the HTTP door, and what follows if it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpAddress {
    /// A hub that cannot have it does not start. Port 0 takes any free one.
    Needed(SocketAddr),
    /// A hub that cannot have it runs without the door.
    IfFree(SocketAddr),
}

impl HttpAddress {
    /// The address itself.
    pub fn socket(self) -> SocketAddr {
        match self {
            HttpAddress::Needed(address) | HttpAddress::IfFree(address) => address,
        }
    }
}

/// The files of a certificate in PEM. They are read again when they change.
#[derive(Debug, Clone)]
pub struct HttpTls {
    /// The certificate and those that lead to its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}
