//! Presence: the list of joined devices, who holds their names, and when devices were there.

pub(crate) mod device;
pub(crate) mod errors;
pub(crate) mod half_hours;
pub(crate) mod holding;
pub(crate) mod list;
pub(crate) mod sighting;
pub(crate) mod sightings;
#[cfg(test)]
mod tests;
