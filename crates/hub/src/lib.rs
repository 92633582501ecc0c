//! The server: listeners, sessions, driver, store and projections.

pub mod store;
