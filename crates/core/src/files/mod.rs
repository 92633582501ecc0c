//! Data files: what is asked about them, and the slots of uploads and downloads.

pub(crate) mod command;
pub(crate) mod opening;
pub(crate) mod slots;
