//! The table of bearer tokens.

use fleetlink_core::{StoreError, Token, TokenId};
use fleetlink_proto::access::limits::MAX_TOKENS;
use fleetlink_proto::access::{AccessHash, TokenRole};
use fleetlink_proto::{DeviceName, WallTime};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::accounts;
use super::error::{OpError, damaged};

const COLUMNS: &str = "id, name, role, created_ms, expires_ms, used_ms";

/// A page of tokens: at most `limit`, behind this number.
pub(super) fn page(
    connection: &Connection,
    after: Option<TokenId>,
    limit: u32,
) -> Result<Vec<Token>, OpError> {
    let sql = format!("SELECT {COLUMNS} FROM tokens WHERE id > ?1 ORDER BY id LIMIT ?2");
    let mut select = connection.prepare_cached(&sql)?;
    let after = after.unwrap_or_default().0;
    let rows = select.query_map(params![after, limit], stored)?;
    rows.map(|row| read(row?)).collect()
}

/// The token of this secret.
pub(super) fn find(connection: &Connection, hash: &AccessHash) -> Result<Option<Token>, OpError> {
    let sql = format!("SELECT {COLUMNS} FROM tokens WHERE hash = ?1");
    let mut select = connection.prepare_cached(&sql)?;
    let row = select.query_row([hash.as_bytes()], stored).optional()?;
    row.map(read).transpose()
}

/// Adds a token; it gets its number here. One that acts as a device needs the account: whoever has a token
/// of no account would be the next device of that name.
pub(super) fn add(
    connection: &Connection,
    hash: &AccessHash,
    token: &Token,
) -> Result<Token, OpError> {
    if let TokenRole::Device(device) = &token.role {
        accounts::require(connection, device)?;
    }
    let count = "SELECT count(*) FROM tokens";
    let count: u64 = connection.query_row(count, [], |row| row.get(0))?;
    if count >= MAX_TOKENS as u64 {
        let message = format!("there are {MAX_TOKENS} tokens already; revoke some");
        return Err(StoreError::Conflict(message).into());
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO tokens (hash, name, role, created_ms, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    insert.execute(params![
        hash.as_bytes(),
        token.name.as_str(),
        token.role.to_string(),
        token.created.unix_millis(),
        token.expires.map(WallTime::unix_millis),
    ])?;
    let id = u64::try_from(connection.last_insert_rowid());
    let id = id.map_err(|_| damaged("the number of a token"))?;
    Ok(Token {
        id: TokenId(id),
        ..token.clone()
    })
}

pub(super) fn revoke(connection: &Connection, token: TokenId) -> Result<(), OpError> {
    let mut delete = connection.prepare_cached("DELETE FROM tokens WHERE id = ?1")?;
    match delete.execute([token.0])? {
        0 => Err(StoreError::NotFound.into()),
        _ => Ok(()),
    }
}

/// Removes the tokens that act as this device; their number.
pub(super) fn revoke_of(connection: &Connection, device: &DeviceName) -> Result<usize, OpError> {
    let role = TokenRole::Device(device.clone()).to_string();
    let mut delete = connection.prepare_cached("DELETE FROM tokens WHERE role = ?1")?;
    Ok(delete.execute([role])?)
}

/// A row as it is stored.
type Stored = (u64, String, String, i64, Option<i64>, Option<i64>);

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
    ))
}

fn read((id, name, role, created, expires, used): Stored) -> Result<Token, OpError> {
    Ok(Token {
        id: TokenId(id),
        name: name.parse().map_err(|_| damaged("the name of a token"))?,
        role: role.parse().map_err(|_| damaged("the role of a token"))?,
        created: WallTime::from_unix_millis(created),
        expires: expires.map(WallTime::from_unix_millis),
        used: used.map(WallTime::from_unix_millis),
    })
}
