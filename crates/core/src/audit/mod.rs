//! Audit events: what a change is recorded as, together with which a store writes it; and the collector of
//! events without a change, which are written in batches.

pub(crate) mod collector;
mod limits;
pub(crate) mod of_change;
mod rate;
mod repeats;
