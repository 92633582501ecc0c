//! The suite that every store passes, and what is the embedded store's alone.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by a panic")]

mod sqlite;
mod suite;
