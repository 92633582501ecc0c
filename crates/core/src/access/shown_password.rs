//! A password, or a secret of the HTTP door, that is shown without a session.

use std::net::IpAddr;

use fleetlink_proto::Password;
use fleetlink_proto::access::AccessHash;

/// The name and the password that somebody shows, and from where.
#[derive(Debug)]
pub struct ShownPassword {
    pub address: IpAddr,
    /// As it was sent: a name that no device can have is refused like an unknown one.
    pub name: Box<str>,
    pub password: Password,
}

/// A secret that somebody shows, by its hash, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownSecret {
    pub address: IpAddr,
    pub secret: AccessHash,
    pub purpose: Purpose,
}

/// The purpose for which a secret is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be admitted by a token or a session of the page.
    Admit,
    /// To open a session of the page by a one-time link.
    UseLink {
        /// The new session's secret.
        session: AccessHash,
    },
    /// To end the session of the page whose secret this is.
    EndSession,
}
