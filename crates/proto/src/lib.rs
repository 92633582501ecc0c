//! Bytes to messages and back: the names, grammars, limits and messages of fleetlink, without I/O.

pub mod samples;
