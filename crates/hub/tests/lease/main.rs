//! The lease service over real sockets, at a time that the test sets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod crowd;
mod fixture;
mod service;
mod soak;
