//! What the signature of a request shows.

/// What the signature of a request shows. It is checked where the connection is, against the key
/// that the request names: no account is looked at, so the work is the same for every name. Whether
/// that key means anything is the core's to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Possession {
    /// The request carries none, or it is wrong.
    Unproven,
    /// Whoever is at the other end of this connection has the private key.
    Proven,
    /// The connection has no TLS: there is nothing to which a signature could be tied.
    NoChannel,
}
