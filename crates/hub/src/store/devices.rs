//! The devices that a store is asked about, and its reply.

use fleetlink_core::{HalfHours, Sighting};
use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::samples::LastSample;
use fleetlink_proto::{DataFile, DeviceName, WallTime};

/// The devices that a store is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceChoice {
    /// Those of these names, letter for letter, that have an account; in the order of the question.
    Named(Vec<DeviceName>),
    /// A page of all, by name.
    Page {
        /// Only larger names.
        after: Option<DeviceName>,
        /// Only names with this text in them, in small letters.
        search: String,
        /// At most so many.
        limit: u32,
    },
}

/// A device that has an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDevice {
    /// Its name.
    pub name: DeviceName,
    /// The time at which its account was made.
    pub created: WallTime,
    /// Its key, if it has one.
    pub key: Option<EnrolledKey>,
    /// The times at which it was there; `None` where it never was.
    pub sighting: Option<Sighting>,
    /// The number of its data files.
    pub data_files: u64,
    /// The bytes of its data files.
    pub bytes: u64,
    /// The data file that was changed last, if there is one whose last sample is known.
    pub latest: Option<(DataFile, LastSample)>,
}

/// A store's reply to a [`DeviceChoice`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredDevices {
    /// The time at which a hub wrote down last that it runs.
    pub alive: Option<WallTime>,
    /// The half hours in which a hub ran.
    pub ran: HalfHours,
    /// The devices.
    pub devices: Vec<StoredDevice>,
}
