//! The hub's rules, one behaviour a test, in the words of the specification.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod admission;
mod audit;
mod authorisation;
mod direct;
mod doors;
mod endings;
mod fixture;
mod identification;
mod imports;
mod keys;
mod limits;
mod login;
mod nonces;
mod operator_data;
mod penalties;
mod presence;
mod reads;
mod revoked;
mod sessions;
mod shared_attempts;
mod sightings;
mod stateless;
mod store;
mod stored;
mod telling_apart;
mod ticket_store;
mod tickets;
mod transfers;
