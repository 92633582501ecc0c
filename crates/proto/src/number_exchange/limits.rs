//! Every limit, size and time of the number exchange, in one place.

use std::time::Duration;

/// The smallest number that a client may send.
pub const MIN_NUMBER: u8 = 1;
/// The largest number that a client may send.
pub const MAX_NUMBER: u8 = 100;
/// The server's number in the text dialect, unless it is set.
pub const TEXT_NUMBER: u8 = 42;
/// The port of a server that is given none.
pub const DEFAULT_PORT: u16 = 8000;

/// The longest request, in bytes, a line end not counted.
pub const MAX_REQUEST_BYTES: usize = 4096;
/// The longest reply that a client reads, in bytes.
pub const MAX_REPLY_BYTES: usize = 4096;
/// The longest name that a client or server of ours may give itself, in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// How long a client is quiet before what it sent counts as all of it, unless the server sets
/// another time.
pub const QUIET_TIME: Duration = Duration::from_millis(50);
/// How long a client may be quiet in the middle of a request that visibly has not ended.
pub const STALL_TIME: Duration = Duration::from_secs(2);
/// How long a client may take from its connection to the end of its request.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(10);
/// How long a client may take to accept its reply.
pub const REPLY_DEADLINE: Duration = Duration::from_secs(5);
/// How long the server waits for the client's close after its own, so that bytes that arrive late
/// do not destroy the reply on its way (RFC 1122, section 4.2.2.13).
pub const LINGER: Duration = Duration::from_millis(500);
/// How long a server that stops waits for the requests of clients that it has accepted.
pub const DRAIN_TIME: Duration = Duration::from_secs(2);
/// How long a client waits for its reply.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(15);
/// How long a server is quiet before a client takes a reply that could be whole for all of it.
pub const REPLY_QUIET_TIME: Duration = Duration::from_secs(1);
