//! Data files of devices: `/api/v1/devices/{device}/data`.

mod list;

pub(super) use self::list::*;
