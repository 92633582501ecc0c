//! Data files: what a device asks the store for, the slots of its uploads and downloads, and the
//! queue in which operations wait for the store.

pub(crate) mod queue;
pub(crate) mod slots;
pub(crate) mod task;
