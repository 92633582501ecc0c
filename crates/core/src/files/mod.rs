//! Data files: uploads, downloads, computations and deletions, and the queue in which a device's
//! operations wait for the store.

pub(crate) mod commands;
pub(crate) mod jobs;
pub(crate) mod queue;
pub(crate) mod slots;
pub(crate) mod uploads;
