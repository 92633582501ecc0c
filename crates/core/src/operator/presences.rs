//! The operator's look at which devices are there.

use std::net::IpAddr;

use fleetlink_proto::{DeviceName, WallTime};

use crate::presence::half_hours::HalfHours;
use crate::presence::sighting::SightingNote;

/// The devices whose presence is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresenceChoice {
    /// These, present or not.
    Of(Vec<DeviceName>),
    /// Those that are present, by name.
    Present {
        /// Only larger names.
        after: Option<DeviceName>,
        /// Only names with this text in them, in small letters.
        search: Box<str>,
        /// At most so many.
        limit: usize,
    },
}

/// The presence of some devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presences {
    /// The present time.
    pub at: WallTime,
    /// The time at which this run of the hub began.
    pub begun: WallTime,
    /// The half hours in which this run of the hub ran.
    pub ran: HalfHours,
    /// The devices in the order of the question.
    pub devices: Vec<DevicePresence>,
}

/// A device as the hub sees it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePresence {
    /// Its name.
    pub name: DeviceName,
    /// Since when and from where it is present.
    pub joined: Option<(WallTime, IpAddr)>,
    /// Its sessions, also those that are not joined.
    pub sessions: usize,
    /// Changes that the store may not have written down yet.
    pub note: Option<SightingNote>,
}
