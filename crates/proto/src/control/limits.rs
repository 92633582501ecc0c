//! Every limit, size and time of the control protocol, in one place. docs/protocol/control.md and SECURITY.md list
//! them.

use std::time::Duration;

/// The TCP port of a hub, where nothing else is said.
pub const DEFAULT_PORT: u16 = 7421;

/// The version of the protocol that this crate speaks.
pub const PROTOCOL_VERSION: u32 = 1;

/// The largest generation and version: every JSON library reads whole numbers up to it exactly.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// The longest line in either direction, in bytes, its newline not counted.
pub const MAX_LINE_BYTES: usize = 64 * 1024;
/// The most bytes that one chunk line may announce.
pub const MAX_CHUNK_BYTES: u32 = 1024 * 1024;
/// The longest text that a caller may use as a request id, in bytes.
pub const MAX_REQUEST_ID_BYTES: usize = 64;
/// The longest user name that a login may carry, in bytes; a longer one is cut before it is shown.
pub const MAX_LOGIN_NAME_BYTES: usize = 256;
/// The longest description of a client in `hello`, in bytes.
pub const MAX_CLIENT_BYTES: usize = 128;
/// The most statements of new hub keys that a hub keeps, sends, and a device follows. With the one
/// that makes more than these, the oldest is forgotten: a device that was away for so many keys must
/// be given the pin anew. All of them fit a line.
pub const MAX_SUCCESSION: usize = 64;
/// The most entries on one page of a list.
pub const MAX_PAGE_ENTRIES: u32 = 200;

/// The most requests of one session that may wait for their answers; the hub reads no further
/// until one is answered.
pub const MAX_REQUESTS_IN_FLIGHT: usize = 64;
/// The most sessions of a hub, whatever its machine allows.
pub const MAX_SESSIONS: usize = 20_000;
/// Sessions of one device that may be open and logged in, unless the hub sets another number. At
/// most half of what the hub holds.
pub const DEFAULT_SESSIONS_PER_DEVICE: usize = 32;
/// Answers and notifications of one session that the device may leave unread, in bytes; a session
/// with more is ended. The hub takes up no call while it has no room for its answer, so that this
/// takes more than a device that is slow.
pub const MAX_UNREAD_BYTES: usize = 256 * 1024;
/// Unread bytes of all sessions of a hub from which on [`WRITE_DEADLINE_UNDER_LOAD`] holds.
pub const MAX_UNREAD_BYTES_PER_HUB: usize = 64 * 1024 * 1024;
/// The most uploads that one session may have open.
pub const MAX_UPLOADS_PER_SESSION: usize = 4;
/// The most downloads that one session may have open.
pub const MAX_DOWNLOADS_PER_SESSION: usize = 4;
/// The most uploads that one device may have open, in all of its sessions.
pub const MAX_UPLOADS_PER_DEVICE: usize = 8;
/// The most downloads that one device may have open, in all of its sessions.
pub const MAX_DOWNLOADS_PER_DEVICE: usize = 8;
/// The most uploads open at one hub; each holds a few chunks in memory.
pub const MAX_UPLOADS_PER_HUB: usize = 256;
/// The most downloads open at one hub.
pub const MAX_DOWNLOADS_PER_HUB: usize = 256;
/// The most bytes of one upload: 64 GiB.
pub const MAX_UPLOAD_BYTES: u64 = 64 << 30;
/// An interrupted upload of which the hub has received at least so many bytes can be resumed; of a
/// smaller one nothing may be kept.
pub const RESUME_FROM_BYTES: u64 = 64 * 1024 + 1;
/// The most store operations of one device that may wait for each other.
pub const MAX_QUEUED_OPERATIONS: usize = 256;

/// Lines that are no message at all after which a session is closed; before the login one is enough.
pub const MAX_GARBAGE_LINES: u32 = 16;
/// The most bytes that a session may send before it has logged in.
pub const MAX_BYTES_BEFORE_LOGIN: u64 = 256 * 1024;
/// Sessions of one client network address that may be open without a login; loopback is not counted.
pub const MAX_UNKNOWN_SESSIONS_PER_NETWORK: usize = 64;
/// Connections of one client network that may be in their TLS handshake; loopback is not counted.
pub const MAX_HANDSHAKES_PER_NETWORK: usize = 64;
/// Nonces of one session that may be valid; with one more the oldest is not.
pub const MAX_LOGIN_NONCES: usize = 4;
/// Logins of one name that may wait while earlier ones are checked.
pub const MAX_WAITING_LOGINS_PER_NAME: usize = 64;
/// Names whose failed logins are remembered, beside those that failed within [`LOCK_OUT_TIME`]; the one
/// that failed the longest ago makes room.
pub const MAX_REMEMBERED_NAMES: usize = 10_000;
/// Different names of which one client network's wrong passwords may be before it is penalised, unless the
/// hub sets another number.
pub const DEFAULT_PENALTY_NAMES: usize = 10;
/// The fewest such names that a hub may set.
pub const MIN_PENALTY_NAMES: usize = 2;
/// The most such names that a hub may set; a client network is remembered by no more.
pub const MAX_PENALTY_NAMES: usize = 100;
/// After as many wrong passwords of one name as lock it out so often, a client network is penalised for that
/// name: the lock-out ends while the client network that keeps failing is shut out.
pub const NAME_PENALTY_LOCK_OUTS: u32 = 2;
/// Client networks whose failed logins are remembered, and as often a client network with a name that it failed on;
/// those that would be forgotten first make room.
pub const MAX_FAILING_NETWORKS: usize = 10_000;
/// Password checks that may wait for a core of the hub; further logins are told to come back.
pub const MAX_WAITING_PASSWORD_CHECKS: usize = 2_048;

/// Accounts that a hub keeps in memory, those of its sessions among them; others are read again. Where its
/// sessions and operations need more, it keeps about a seventh of these besides.
pub const MAX_CACHED_ACCOUNTS: usize = 10_000;
/// Calls that may wait for a hub's store to be read, and as many of the operator beside them; further ones
/// are told to come back.
pub const MAX_PARKED_CALLS: usize = 4_096;
/// Accounts in one page of the operator's list.
pub const LISTED_AT_ONCE: u32 = 500;
/// Tickets in one page of the operator's list; each may have [`MAX_TICKET_USES`] uses.
pub const TICKETS_LISTED_AT_ONCE: u32 = 50;

/// The most uses that one join ticket may have.
pub const MAX_TICKET_USES: u32 = 1000;
/// Join tickets of a hub that may be open.
pub const MAX_OPEN_TICKETS: usize = 256;
/// Join tickets that are used, expired or revoked and still known to be; the oldest make room.
pub const MAX_FINISHED_TICKETS: usize = 256;
/// Uses of one join ticket that may wait until those before them are decided.
pub const MAX_WAITING_REDEMPTIONS: usize = 256;
/// The life of a join ticket, unless the operator sets another one.
pub const DEFAULT_TICKET_LIFE: Duration = Duration::from_secs(15 * 60);
/// The longest life of a join ticket: 30 days.
pub const MAX_TICKET_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// The longest time for a TLS handshake.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// The longest time that a connection may be open before its `hello`.
pub const HELLO_DEADLINE: Duration = Duration::from_secs(10);
/// The longest time that a session may be without a login: a person is typing a password.
pub const LOGIN_DEADLINE: Duration = Duration::from_secs(300);
/// The time for which a nonce of `login.nonce` is valid.
pub const LOGIN_NONCE_LIFE: Duration = Duration::from_secs(30);
/// The length of a lock-out after too many wrong passwords.
pub const LOCK_OUT_TIME: Duration = Duration::from_secs(10);
/// The first penalty of a client network, unless the hub sets another time.
pub const DEFAULT_PENALTY: Duration = Duration::from_secs(15);
/// The longest penalty of a client network, unless the hub sets another time.
pub const DEFAULT_LONGEST_PENALTY: Duration = Duration::from_secs(600);
/// The shortest penalty that a hub may set.
pub const MIN_PENALTY: Duration = Duration::from_secs(1);
/// The longest penalty that a hub may set.
pub const MAX_PENALTY: Duration = Duration::from_secs(24 * 3600);
/// The time for which a name is remembered after a client network failed on it; a penalty does not
/// count. The same time without a penalty halves the base of the next penalty.
pub const FAILED_NAME_KEPT: Duration = Duration::from_secs(600);
/// The time between two signs of life of a session, unless the hub sets another one.
pub const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(10);
/// The time after which the hub closes an open upload that brings nothing, unless the hub sets
/// another one. It is a sixth of this while more than three quarters of the hub's places are taken.
pub const DEFAULT_UPLOAD_IDLE: Duration = Duration::from_secs(60);
/// The shortest such time that a hub may set.
pub const MIN_UPLOAD_IDLE: Duration = Duration::from_secs(1);
/// The longest such time that a hub may set.
pub const MAX_UPLOAD_IDLE: Duration = Duration::from_secs(24 * 3600);
/// The shortest keep-alive that a hub may set.
pub const MIN_KEEP_ALIVE: Duration = Duration::from_millis(200);
/// The longest keep-alive that a hub may set.
pub const MAX_KEEP_ALIVE: Duration = Duration::from_secs(3600);
/// The longest time without progress of one write to a peer, before the connection is closed.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(30);
/// The same while all sessions of a hub together have more than [`MAX_UNREAD_BYTES_PER_HUB`] unread.
pub const WRITE_DEADLINE_UNDER_LOAD: Duration = Duration::from_secs(3);
/// The time that the hub waits for its sessions at its end.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(5);
/// The time for which the received part of an interrupted upload is kept, so that it can be
/// resumed.
pub const PARTIAL_UPLOAD_KEPT: Duration = Duration::from_secs(24 * 3600);

/// A session that was silent for this long is gone: one and a half keep-alives, so that a device
/// has left the list within two of them.
pub fn silence_limit(keep_alive: Duration) -> Duration {
    keep_alive + keep_alive / 2
}

/// The time between two pings of a device: half a keep-alive.
pub fn ping_interval(keep_alive: Duration) -> Duration {
    keep_alive / 2
}
