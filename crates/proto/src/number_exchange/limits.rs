//! Every limit, size and time of the number exchange, in one place.

use std::time::Duration;

/// The smallest number that a client may send.
pub const MIN_NUMBER: u8 = 1;
/// The largest number that a client may send.
pub const MAX_NUMBER: u8 = 100;
/// The server's number in every form but JSON, unless it is set.
pub const DEFAULT_NUMBER: u8 = 42;
/// The port of a server that is given none.
pub const DEFAULT_PORT: u16 = 8000;

/// The longest request, in bytes, a line end not counted.
pub const MAX_REQUEST_BYTES: usize = 4096;
/// The longest reply that a client reads, in bytes.
pub const MAX_REPLY_BYTES: usize = 4096;
/// The longest name that a client or server of ours may give itself, in bytes.
pub const MAX_NAME_BYTES: usize = 256;
/// The longest name behind a 16-bit length, as it is encoded: Java's NUL takes two bytes.
pub const MAX_UTF_NAME_BYTES: usize = 2 * MAX_NAME_BYTES;
/// The longest text behind a 16-bit length. No text begins with the first byte of such a length, so
/// the two are never taken for each other.
pub const MAX_UTF_TEXT_BYTES: usize = 1023;
/// The bytes for the name in the form that has a fixed size; at least the last one is zero.
pub const STRUCT_NAME_BYTES: usize = 256;
/// The most characters that are shown of a malformed request.
pub const MAX_SHOWN_CHARACTERS: usize = 80;

/// The silence of a client after which its bytes count as its whole request, unless the server sets
/// another time.
pub const QUIET_TIME: Duration = Duration::from_millis(50);
/// The longest silence of a client in the middle of a request that has visibly not ended.
pub const STALL_TIME: Duration = Duration::from_secs(2);
/// The longest time from the connection, or from the reply before, to the end of a request.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(10);
/// The silence of a client after a reply at which the server closes, in a form that allows a
/// further request.
pub const ROUND_TIME: Duration = Duration::from_secs(1);
/// The greatest age of a connection at which a further request may begin.
pub const ROUNDS_DEADLINE: Duration = Duration::from_secs(60);
/// The longest time for a client to accept its reply.
pub const REPLY_DEADLINE: Duration = Duration::from_secs(5);
/// The time that the server waits for the client's close after its own, so that bytes that arrive
/// late do not destroy the reply on its way (RFC 1122, section 4.2.2.13).
pub const LINGER: Duration = Duration::from_millis(500);
/// The time that a server that stops waits for the requests of accepted clients.
pub const DRAIN_TIME: Duration = Duration::from_secs(2);
/// The time that a client waits for its reply.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(15);
/// The silence of a server after which a client takes a reply that could be whole for the whole
/// reply.
pub const REPLY_QUIET_TIME: Duration = Duration::from_secs(1);
