//! The lease service without its sockets: transcripts, and the plainest model.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod limits;
mod model;
mod transcripts;
