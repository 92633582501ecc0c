//! Files from device to device.

mod arrivals;
mod bars;
mod patience;
mod receive;
mod refusals;
mod report;
mod running;
mod send;
pub(crate) mod words;

pub(crate) use arrivals::{Arrivals, Heard};
pub(crate) use patience::PatienceArguments;
pub(crate) use receive::{ReceiveArguments, receive};
pub(crate) use running::{Direction, Entry, Running, Transfer, list};
pub(crate) use send::{SendArguments, send};
