//! A password that is shown without a session.

use std::net::IpAddr;

use fleetlink_proto::Password;

/// The name and the password that somebody shows, and from where.
#[derive(Debug)]
pub struct ShownPassword {
    pub address: IpAddr,
    /// As it was sent: a name that no device can have is refused like an unknown one.
    pub name: Box<str>,
    pub password: Password,
}
