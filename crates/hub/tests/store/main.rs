//! The suite that every store passes, and what is the embedded store's alone.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by a panic")]

#[path = "../small_disk/mod.rs"]
mod small_disk;
mod sqlite;
mod suite;
