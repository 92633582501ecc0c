//! Files between real endpoints over loopback.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod dial;
mod doorstep;
mod ends;
mod hostile;
mod known;
mod leave;
mod pauses;
mod turns;
mod whole;
mod world;
