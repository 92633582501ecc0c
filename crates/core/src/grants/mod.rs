//! Grants: the hub's permission for a file's way from device to device.

pub(crate) mod opening;
