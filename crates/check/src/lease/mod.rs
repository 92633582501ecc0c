//! Checkers of the lease service's servers and clients.

mod client;
mod server;

pub use client::Client;
pub use server::Server;
