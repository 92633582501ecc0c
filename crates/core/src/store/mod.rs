//! The calls to a store, and the data that a store keeps.

pub(crate) mod admission;
pub(crate) mod audit;
pub(crate) mod calls;
pub(crate) mod journal;
mod password_hash;
pub(crate) mod rule;
pub(crate) mod snapshot;
pub(crate) mod ticket;
