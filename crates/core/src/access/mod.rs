//! Access: accounts, logins, lock-outs and penalties, keys, join tickets, and the table that
//! permits or refuses.

pub(crate) mod accounts;
pub(crate) mod admissions;
pub(crate) mod attempt_tables;
pub(crate) mod attempts;
pub mod authorisation;
pub(crate) mod errors;
pub(crate) mod key_change;
pub(crate) mod lockout;
pub(crate) mod logins;
pub(crate) mod name_penalties;
mod numbers;
pub(crate) mod parked;
pub(crate) mod penalties;
pub(crate) mod people_changes;
pub(crate) mod possession;
pub(crate) mod redemption;
mod remembered;
pub(crate) mod shown_password;
pub(crate) mod tickets;
