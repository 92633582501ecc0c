//! Sender against receiver without a network: every split, every wait, every lie.

mod lies;
mod pair;
mod splits;
mod waits;
