//! Every limit and time of logins, tokens, links and sessions of the page.

use std::time::Duration;

/// Logins of people that a hub may have.
pub const MAX_LOGINS: usize = 1_000;
/// Tokens that a hub may have.
pub const MAX_TOKENS: usize = 1_000;
/// Sessions of the page that a hub keeps; the one that was used the longest ago makes room.
pub const MAX_PAGE_SESSIONS: usize = 1_000;
/// One-time links that can be used; the oldest makes room.
pub const MAX_OPEN_LINKS: usize = 16;
/// Tokens and sessions that a hub keeps in memory; others are read again.
pub const MAX_CACHED_ADMISSIONS: usize = 1_024;

/// The time for which a one-time link can be used.
pub const LINK_LIFE: Duration = Duration::from_secs(15 * 60);
/// The time without a request after which a session of the page ends.
pub const PAGE_SESSION_IDLE: Duration = Duration::from_secs(12 * 3600);
/// The longest life of a session of the page that a password opened, however it is used.
pub const LOGIN_SESSION_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// The longest life of a session of the page that a one-time link opened, however it is used.
pub const LINK_SESSION_LIFE: Duration = Duration::from_secs(24 * 3600);
/// The longest life of a token: ten years.
pub const MAX_TOKEN_LIFE: Duration = Duration::from_secs(3650 * 24 * 3600);
/// The time for which what was read about a token or a session is believed: another hub may have
/// revoked it.
pub const ADMISSION_FRESH: Duration = Duration::from_secs(1);
/// The least time between two writes of the last use of a token or a session.
pub const LAST_USE_INTERVAL: Duration = Duration::from_secs(60);
