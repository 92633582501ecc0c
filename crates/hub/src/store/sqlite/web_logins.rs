//! The table of people's logins.

use fleetlink_core::{PasswordHash, StoreError, WebLogin};
use fleetlink_proto::WallTime;
use fleetlink_proto::access::AccessName;
use fleetlink_proto::access::limits::MAX_LOGINS;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::{OpError, damaged};
use super::page_sessions;

const COLUMNS: &str = "name, role, password_hash, created_ms";

/// A page of logins: at most `limit`, behind this name.
pub(super) fn page(
    connection: &Connection,
    after: Option<&AccessName>,
    limit: u32,
) -> Result<Vec<WebLogin>, OpError> {
    let sql = format!("SELECT {COLUMNS} FROM web_logins WHERE name > ?1 ORDER BY name LIMIT ?2");
    let mut select = connection.prepare_cached(&sql)?;
    // No name is empty.
    let after = after.map_or("", AccessName::as_str);
    let rows = select.query_map(params![after, limit], stored)?;
    rows.map(|row| read(row?)).collect()
}

/// The login of this name, or the one whose name differs from it only by case.
pub(super) fn holder(
    connection: &Connection,
    name: &AccessName,
) -> Result<Option<WebLogin>, OpError> {
    let sql = format!("SELECT {COLUMNS} FROM web_logins WHERE folded = ?1");
    let mut select = connection.prepare_cached(&sql)?;
    let row = select.query_row([name.folded()], stored).optional()?;
    row.map(read).transpose()
}

pub(super) fn count(connection: &Connection) -> Result<u64, OpError> {
    let mut select = connection.prepare_cached("SELECT count(*) FROM web_logins")?;
    Ok(select.query_row([], |row| row.get(0))?)
}

/// The login of this name, if its password has this hash.
pub(super) fn with_hash(
    connection: &Connection,
    name: &AccessName,
    hash: &PasswordHash,
) -> Result<WebLogin, OpError> {
    let found = holder(connection, name)?;
    let found = found.filter(|login| login.name == *name && login.password_hash == *hash);
    found.ok_or_else(|| StoreError::NotFound.into())
}

pub(super) fn add(connection: &Connection, login: &WebLogin) -> Result<(), OpError> {
    if let Some(holder) = holder(connection, &login.name)? {
        let message = match holder.name == login.name {
            true => format!("there is a login {} already", login.name),
            false => format!("{} differs only by case from {}", login.name, holder.name),
        };
        return Err(StoreError::Conflict(message).into());
    }
    if count(connection)? >= MAX_LOGINS as u64 {
        let message = format!("there are {MAX_LOGINS} logins already; remove some");
        return Err(StoreError::Conflict(message).into());
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO web_logins (name, folded, role, password_hash, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    insert.execute(params![
        login.name.as_str(),
        login.name.folded(),
        login.role.as_str(),
        login.password_hash.as_str(),
        login.created.unix_millis(),
    ])?;
    Ok(())
}

/// Changes a password, which ends the login's sessions; their number.
pub(super) fn set_password(
    connection: &Connection,
    name: &AccessName,
    hash: &PasswordHash,
) -> Result<usize, OpError> {
    let mut update =
        connection.prepare_cached("UPDATE web_logins SET password_hash = ?2 WHERE name = ?1")?;
    if update.execute([name.as_str(), hash.as_str()])? == 0 {
        return Err(StoreError::NotFound.into());
    }
    page_sessions::end_of(connection, name)
}

/// `NotFound` without the login.
pub(super) fn require(connection: &Connection, name: &AccessName) -> Result<(), OpError> {
    let mut select = connection.prepare_cached("SELECT 1 FROM web_logins WHERE name = ?1")?;
    match select.exists([name.as_str()])? {
        true => Ok(()),
        false => Err(StoreError::NotFound.into()),
    }
}

/// Removes a login and its sessions; their number.
pub(super) fn remove(connection: &Connection, name: &AccessName) -> Result<usize, OpError> {
    let ended = page_sessions::end_of(connection, name)?;
    let mut delete = connection.prepare_cached("DELETE FROM web_logins WHERE name = ?1")?;
    match delete.execute([name.as_str()])? {
        0 => Err(StoreError::NotFound.into()),
        _ => Ok(ended),
    }
}

/// A row as it is stored.
type Stored = (String, String, String, i64);

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn read((name, role, hash, created): Stored) -> Result<WebLogin, OpError> {
    Ok(WebLogin {
        name: name.parse().map_err(|_| damaged("the name of a login"))?,
        role: role.parse().map_err(|_| damaged("the role of a login"))?,
        password_hash: PasswordHash::new(hash),
        created: WallTime::from_unix_millis(created),
    })
}
