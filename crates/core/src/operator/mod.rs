//! The operator's requests: accounts, their removal, data files, tickets and sessions.

pub(crate) mod accounts;
pub(crate) mod data;
pub(crate) mod removal;
pub(crate) mod requests;
pub(crate) mod sessions;
pub(crate) mod tickets;
