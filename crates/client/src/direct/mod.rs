//! Files straight from device to device: the protocol's state machines over connections between
//! endpoints, a file's disk on a thread of its own at either end.

mod acquaintance;
mod adaptive;
mod alarm;
mod announcement;
mod congestion;
mod control;
mod credentials;
mod doorstep;
mod failure;
mod incoming;
mod interfaces;
mod listener;
mod open_file;
mod outgoing;
mod peer;
mod places;
mod sink;
mod transport;

pub use acquaintance::NotRemembered;
pub use announcement::Announcement;
pub use congestion::Congestion;
pub use control::{Control, Progress};
pub use credentials::Credentials;
pub use incoming::Stored;
pub use listener::{Arrival, Listener};
pub use open_file::OpenFile;
pub use peer::Peer;
pub use transport::{Endpoint, TransportError};
