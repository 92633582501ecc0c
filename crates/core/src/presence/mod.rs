//! Presence: the list of joined devices.

pub(crate) mod list;
