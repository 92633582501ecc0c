//! The author of an event: who, by which door, from where.

use std::net::IpAddr;

use fleetlink_proto::DeviceName;

use crate::door::Door;
use crate::store::audit::words::words;

words! {
    /// The kind of an author.
    ActorKind {
        Device = "device",
        Operator = "operator",
        Administrator = "administrator",
        Viewer = "viewer",
        /// A program with a token.
        Token = "token",
        /// Somebody who has not shown who they are.
        Nobody = "nobody",
        /// The hub itself: retention, an import.
        Hub = "hub",
    }
}

/// The one who does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub kind: ActorKind,
    /// The name of the device, login or token, or of the hub's part.
    pub name: Option<Box<str>>,
}

/// The author of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    pub by: Actor,
    pub door: Option<Door>,
    pub address: Option<IpAddr>,
}

impl Actor {
    /// Somebody who has not shown who they are.
    pub const NOBODY: Actor = Actor {
        kind: ActorKind::Nobody,
        name: None,
    };

    /// A device.
    pub fn device(name: &DeviceName) -> Self {
        Actor {
            kind: ActorKind::Device,
            name: Some(name.as_str().into()),
        }
    }
}

impl Author {
    /// A part of the hub itself, such as retention.
    pub fn hub(part: Option<&str>) -> Self {
        Author {
            by: Actor {
                kind: ActorKind::Hub,
                name: part.map(Into::into),
            },
            door: None,
            address: None,
        }
    }
}
