//! The sizes and times of the lease service and its client.

use std::time::Duration;

/// The port of a server that is given none.
pub const DEFAULT_PORT: u16 = 20_009;
/// The number of ids: `0000` to `9999`.
pub const IDS: u16 = 10_000;
/// Bytes of `HELLO <id>`.
pub const REQUEST_BYTES: usize = 10;
/// Bytes of a request with the longest line end.
pub const MAX_REQUEST_BYTES: usize = REQUEST_BYTES + 2;
/// Bytes of the longest reply: `OK <id> `, an IPv6 address, a space, a port, a newline.
pub const MAX_REPLY_BYTES: usize = 8 + 39 + 1 + 5 + 1;

/// The length of a lease.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(30);
/// After how long without a well-formed request a server ends.
pub const DEFAULT_IDLE_EXIT: Duration = Duration::from_secs(120);
/// TCP: from the connection to the whole request.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(10);
/// TCP: from the reply until the client's end of the stream, before the connection is closed.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(1);
/// TCP: bytes behind a request that are read away before the connection is closed.
pub const MAX_DRAINED_BYTES: usize = 64 * 1024;
/// The least time between two log lines about malformed input.
pub const MALFORMED_LOG_EVERY: Duration = Duration::from_secs(1);
/// Requests that a server shows in a second; further ones are counted.
pub const SHOWN_EACH_SECOND: u32 = 100;
/// Bytes of malformed input that a server shows.
pub const MAX_SHOWN_BYTES: usize = 80;
/// Rates that are kept; sources beyond that share them.
pub const RATE_SLOTS: usize = 1 << 16;

/// The time that the client waits for a reply.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(15);
/// Requests of the client in all, each for another id.
pub const TRIES: u32 = 3;
/// TCP: how long the client waits for the end of a reply that came without a line end.
pub const REPLY_SETTLES: Duration = Duration::from_millis(500);
/// Bytes of a reply that the client looks at.
pub const MAX_SERVER_REPLY_BYTES: usize = 128;
