//! Who may come in and what they may do: accounts, logins, lock-out and penalties, keys, join
//! tickets, and the table that permits or refuses.

pub(crate) mod accounts;
pub mod authorisation;
pub(crate) mod imports;
pub(crate) mod key_login;
pub(crate) mod keys;
pub(crate) mod lockout;
pub(crate) mod login;
pub(crate) mod name_penalties;
#[cfg(test)]
mod name_penalties_model;
pub(crate) mod penalties;
#[cfg(test)]
mod penalties_model;
pub(crate) mod redemption;
pub(crate) mod tickets;
