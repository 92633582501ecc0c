//! Presence: the list of joined devices, and how a session joins it.

pub(crate) mod joining;
pub(crate) mod list;
