//! The suite that every store passes, and what is the embedded store's alone.

mod sqlite;
mod suite;
