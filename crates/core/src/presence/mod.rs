//! Presence: the list of joined devices, and who holds their names.

pub(crate) mod device;
pub(crate) mod errors;
pub(crate) mod holding;
pub(crate) mod list;
#[cfg(test)]
mod tests;
