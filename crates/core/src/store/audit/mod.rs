//! Audit records: who did what, by which door and from where, and how it ended. Plain data.

pub(crate) mod action;
pub(crate) mod author;
pub(crate) mod event;
pub(crate) mod filter;
pub(crate) mod words;
