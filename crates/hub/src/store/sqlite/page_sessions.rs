//! The tables of one-time links and of the page's sessions.

use std::time::Duration;

use fleetlink_core::{Admission, Ended, PageSession, PageSessions, StoreError, WebLogin};
use fleetlink_proto::WallTime;
use fleetlink_proto::access::limits::{
    LINK_SESSION_LIFE, LOGIN_SESSION_LIFE, MAX_OPEN_LINKS, MAX_PAGE_SESSIONS, PAGE_SESSION_IDLE,
};
use fleetlink_proto::access::{AccessHash, AccessName, Role};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::{OpError, damaged};
use super::{tokens, web_logins};

/// Adds a link. Those whose time is over go, and the oldest where there are too many.
pub(super) fn add_link(
    connection: &Connection,
    link: &AccessHash,
    at: WallTime,
    expires: WallTime,
) -> Result<(), OpError> {
    let mut delete = connection.prepare_cached("DELETE FROM login_links WHERE expires_ms <= ?1")?;
    delete.execute([at.unix_millis()])?;
    let mut delete = connection.prepare_cached(
        "DELETE FROM login_links WHERE hash IN
         (SELECT hash FROM login_links ORDER BY created_ms DESC, hash LIMIT -1 OFFSET ?1)",
    )?;
    delete.execute([MAX_OPEN_LINKS as u64 - 1])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO login_links (hash, created_ms, expires_ms) VALUES (?1, ?2, ?3)",
    )?;
    insert.execute(params![
        link.as_bytes(),
        at.unix_millis(),
        expires.unix_millis()
    ])?;
    Ok(())
}

/// Uses a link up, and opens a session by it.
pub(super) fn use_link(
    connection: &Connection,
    link: &AccessHash,
    session: &AccessHash,
    at: WallTime,
) -> Result<PageSession, OpError> {
    let mut delete =
        connection.prepare_cached("DELETE FROM login_links WHERE hash = ?1 AND expires_ms > ?2")?;
    match delete.execute(params![link.as_bytes(), at.unix_millis()])? {
        0 => Err(StoreError::NotFound.into()),
        _ => open(connection, None, session, at),
    }
}

/// Opens a session. Those that have ended go, and where there are too many, the one that was used the
/// longest ago.
pub(super) fn open(
    connection: &Connection,
    login: Option<&WebLogin>,
    session: &AccessHash,
    at: WallTime,
) -> Result<PageSession, OpError> {
    let mut delete = connection.prepare_cached(
        "DELETE FROM page_sessions WHERE used_ms <= ?1
         OR opened_ms <= CASE WHEN login IS NULL THEN ?2 ELSE ?3 END",
    )?;
    delete.execute(
        [PAGE_SESSION_IDLE, LINK_SESSION_LIFE, LOGIN_SESSION_LIFE].map(|t| before(at, t)),
    )?;
    let mut delete = connection.prepare_cached(
        "DELETE FROM page_sessions WHERE hash IN
         (SELECT hash FROM page_sessions ORDER BY used_ms DESC, hash LIMIT -1 OFFSET ?1)",
    )?;
    delete.execute([MAX_PAGE_SESSIONS as u64 - 1])?;
    let opened = PageSession {
        login: login.map(|login| login.name.clone()),
        role: login.map_or(Role::Administrator, |login| login.role),
        opened: at,
        used: at,
    };
    let mut insert = connection.prepare_cached(
        "INSERT INTO page_sessions (hash, login, role, opened_ms, used_ms)
         VALUES (?1, ?2, ?3, ?4, ?4)",
    )?;
    insert.execute(params![
        session.as_bytes(),
        opened.login.as_ref().map(AccessName::as_str),
        opened.role.as_str(),
        at.unix_millis(),
    ])?;
    Ok(opened)
}

pub(super) fn end(connection: &Connection, session: &AccessHash) -> Result<(), OpError> {
    let mut delete = connection.prepare_cached("DELETE FROM page_sessions WHERE hash = ?1")?;
    delete.execute([session.as_bytes()])?;
    Ok(())
}

/// Ends the sessions of this login; their number.
pub(super) fn end_of(connection: &Connection, login: &AccessName) -> Result<usize, OpError> {
    let mut delete = connection.prepare_cached("DELETE FROM page_sessions WHERE login = ?1")?;
    Ok(delete.execute([login.as_str()])?)
}

/// Ends these sessions, and takes back the links that could open such ones.
pub(super) fn end_all(connection: &Connection, sessions: &PageSessions) -> Result<Ended, OpError> {
    let sql = match sessions {
        PageSessions::OfLogin(login) => {
            web_logins::require(connection, login)?;
            return Ok(Ended {
                sessions: end_of(connection, login)?,
                ..Ended::default()
            });
        }
        PageSessions::OfLinks => "DELETE FROM page_sessions WHERE login IS NULL",
        PageSessions::All => "DELETE FROM page_sessions",
    };
    let delete = |sql| connection.prepare_cached(sql)?.execute([]);
    Ok(Ended {
        sessions: delete(sql)?,
        links: delete("DELETE FROM login_links")?,
        tokens: 0,
    })
}

/// Notes when tokens and sessions were used; an earlier use than the known one changes nothing.
pub(super) fn note_uses(
    connection: &Connection,
    uses: &[(AccessHash, WallTime)],
) -> Result<(), OpError> {
    for (hash, at) in uses {
        for sql in [
            "UPDATE tokens SET used_ms = max(ifnull(used_ms, ?2), ?2) WHERE hash = ?1",
            "UPDATE page_sessions SET used_ms = max(used_ms, ?2) WHERE hash = ?1",
        ] {
            let mut update = connection.prepare_cached(sql)?;
            update.execute(params![hash.as_bytes(), at.unix_millis()])?;
        }
    }
    Ok(())
}

/// Returns the admission of this secret's holder, whether its time is over or not.
pub(super) fn admission(
    connection: &Connection,
    secret: &AccessHash,
) -> Result<Option<Admission>, OpError> {
    if let Some(token) = tokens::find(connection, secret)? {
        return Ok(Some(Admission::Token(token)));
    }
    let mut select = connection.prepare_cached(
        "SELECT login, role, opened_ms, used_ms FROM page_sessions WHERE hash = ?1",
    )?;
    let row = select.query_row([secret.as_bytes()], stored).optional()?;
    let session = row.map(read).transpose()?;
    Ok(session.map(Admission::Session))
}

/// The milliseconds of a time that is so much earlier.
fn before(at: WallTime, time: Duration) -> i64 {
    let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    at.unix_millis().saturating_sub(time)
}

/// A row as it is stored.
type Stored = (Option<String>, String, i64, i64);

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn read((login, role, opened, used): Stored) -> Result<PageSession, OpError> {
    let login = login.map(|login| login.parse()).transpose();
    Ok(PageSession {
        login: login.map_err(|_| damaged("the login of a session"))?,
        role: role.parse().map_err(|_| damaged("the role of a session"))?,
        opened: WallTime::from_unix_millis(opened),
        used: WallTime::from_unix_millis(used),
    })
}
