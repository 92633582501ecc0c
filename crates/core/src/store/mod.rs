//! The calls to a store, and the data that a store keeps.

pub(crate) mod calls;
pub(crate) mod journal;
pub(crate) mod snapshot;
pub(crate) mod ticket;
