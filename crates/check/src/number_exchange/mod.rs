//! Checkers of the number exchange's servers and clients.

mod client;
mod server;

pub use client::Client;
pub use server::{Server, is_check};
