//! Connection-ID leases: `HELLO <id>`, answered by `OK <id> <ip> <port>` or `RESET <id>`, over UDP
//! (a datagram each way) and TCP (a connection each). The bytes are fixed: programs that we did
//! not write speak them.
//!
//! No sockets and no clock: requests come in with the time, replies go out. Times are monotonic,
//! measured from any fixed instant.

mod client;
mod counts;
mod holders;
mod id;
mod idle;
pub mod limits;
mod rate;
mod reply;
mod request;
mod server_reply;
mod service;
mod table;

pub use client::Tries;
pub use counts::{Counts, Transport, TransportCounts};
pub use id::{LeaseId, LeaseIdError};
pub use idle::IdleExit;
pub use reply::Reply;
pub use request::{Request, RequestReader, RequestState};
pub use server_reply::{ServerReply, ServerReplyError, ServerReplyReader};
pub use service::{LeaseSettings, Leases, MalformedNotice};
pub use table::LeaseTable;
