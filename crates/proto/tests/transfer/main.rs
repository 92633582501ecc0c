//! Sender against receiver without a network: every split, every wait, every lie.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod lies;
mod pair;
mod splits;
mod waits;
