//! The other end of a connection, and of a request on it.

use std::net::{IpAddr, SocketAddr};

/// A connection as the listener sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Connection {
    pub(super) peer: SocketAddr,
    pub(super) is_tls: bool,
}

/// The client of a request, as far as it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) address: IpAddr,
    /// Whether nobody between the client and the hub can read the request: it came over TLS, or
    /// from this machine.
    pub(crate) is_private: bool,
    /// Whether the client itself uses TLS: then a cookie may be marked as secure.
    pub(crate) is_tls: bool,
}
