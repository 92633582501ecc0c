//! Files straight from device to device: the protocol's state machines over connections between
//! endpoints, a file's disk on a thread of its own at either end.

mod congestion;
mod control;
mod credentials;
mod failure;
mod incoming;
mod listener;
mod outgoing;
mod peer;
mod sink;
mod source;
mod transport;

pub use congestion::Congestion;
pub use control::{Control, Progress};
pub use credentials::Credentials;
pub use incoming::Stored;
pub use listener::{Arrival, Listener};
pub use peer::Peer;
pub use source::Source;
pub use transport::{Endpoint, TransportError};
