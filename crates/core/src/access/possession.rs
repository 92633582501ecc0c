//! The result of checking a request's signature.

/// The result of checking a request's signature. The check is made at the connection, against the
/// key that the request names. It looks at no account, so the work is the same for every name. The
/// core decides whether that key means anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Possession {
    /// The request carries none, or it is wrong.
    Unproven,
    /// The peer of this connection has the private key.
    Proven,
    /// The connection has no TLS: there is nothing to which a signature could be tied.
    NoChannel,
}
