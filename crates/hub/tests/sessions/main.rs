//! Sessions of a real hub over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod device;
mod endings;
mod fixture;
mod flights;
mod hashes;
mod keys;
mod limits;
mod names;
mod numbers;
mod order;
mod reuse;
mod stand_ins;
mod stateless;
mod takeover;
mod transcript;
mod transcripts;
mod vectors;
