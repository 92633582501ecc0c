//! The operator's requests, and the changes of accounts and tickets that they lead to.

pub(crate) mod account_change;
pub(crate) mod data;
pub(crate) mod errors;
pub(crate) mod import;
pub(crate) mod people;
pub(crate) mod presences;
pub(crate) mod removal;
pub(crate) mod requests;
pub(crate) mod ticket_change;
