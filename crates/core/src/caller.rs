//! The caller of a call, and the door.

use std::net::IpAddr;

use fleetlink_proto::access::AccessHash;
use fleetlink_proto::{DeviceKey, DeviceName, WallTime};

use crate::store::calls::PasswordHash;

/// The caller of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Somebody who has not shown who they are.
    Nobody,
    /// A device.
    Device {
        name: DeviceName,
        /// Its proof.
        proof: Proof,
        /// From where; not known where its session is gone.
        address: Option<IpAddr>,
    },
    /// The operator: whoever can open the hub's socket.
    Operator,
    /// A person with a login of the web, or a token, that may change things.
    Administrator(Box<Person>),
    /// A person with a login of the web, or a token, that may only look.
    Viewer(Box<Person>),
}

/// A person at the HTTP door, or a program with a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name of the login or the token.
    pub name: Box<str>,
    /// The hash of the secret that admits it.
    pub secret: AccessHash,
    /// Whether that is a token.
    pub is_token: bool,
    /// From where it was shown.
    pub address: Option<IpAddr>,
    /// From when on that admits nobody, unless it is used before.
    pub expires: Option<WallTime>,
}

/// A device's proof of its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The password that has this hash.
    Password(PasswordHash),
    /// The private half of this key.
    Key(DeviceKey),
    /// The token whose secret has this hash.
    Token(AccessHash),
}

/// The kind of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// The password that the account has now.
    Password,
    /// The enrolled key.
    Key,
    /// A token that acts as the device.
    Token,
}

impl Caller {
    /// The device that calls.
    pub fn device(&self) -> Option<&DeviceName> {
        match self {
            Caller::Device { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The hash of the secret by which the caller was admitted.
    pub fn secret(&self) -> Option<&AccessHash> {
        match self {
            Caller::Administrator(person) | Caller::Viewer(person) => Some(&person.secret),
            Caller::Device {
                proof: Proof::Token(secret),
                ..
            } => Some(secret),
            _ => None,
        }
    }

    /// From where it calls, as far as that is known.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Caller::Device { address, .. } => *address,
            Caller::Administrator(person) | Caller::Viewer(person) => person.address,
            Caller::Nobody | Caller::Operator => None,
        }
    }

    /// The means of the calling device's login.
    pub fn means(&self) -> Option<Means> {
        match self {
            Caller::Device { proof, .. } => Some(proof.means()),
            _ => None,
        }
    }
}

impl Proof {
    /// Its kind.
    pub fn means(&self) -> Means {
        match self {
            Proof::Password(_) => Means::Password,
            Proof::Key(_) => Means::Key,
            Proof::Token(_) => Means::Token,
        }
    }
}
