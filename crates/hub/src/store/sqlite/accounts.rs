//! The table of accounts.

use fleetlink_core::{Account, AccountVersion, PasswordHash, StoreError};
use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::{DeviceKey, DeviceName, WallTime};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::{OpError, damaged};

const COLUMNS: &str = "name, password_hash, created_ms, device_key, enrolled_ms, version";

/// A page of accounts: at most `limit`, behind this name.
pub(super) fn page(
    connection: &Connection,
    after: Option<&DeviceName>,
    limit: u32,
) -> Result<Vec<Account>, OpError> {
    let sql = format!("SELECT {COLUMNS} FROM accounts WHERE name > ?1 ORDER BY name LIMIT ?2");
    let mut select = connection.prepare_cached(&sql)?;
    // No name is empty.
    let after = after.map_or("", DeviceName::as_str);
    let rows = select.query_map(params![after, limit], stored)?;
    rows.map(|row| read(row?)).collect()
}

pub(super) fn find(connection: &Connection, name: &DeviceName) -> Result<Option<Account>, OpError> {
    let sql = format!("SELECT {COLUMNS} FROM accounts WHERE name = ?1");
    let mut select = connection.prepare_cached(&sql)?;
    let row = select.query_row([name.as_str()], stored).optional()?;
    row.map(read).transpose()
}

/// The account of this name, or the one whose name differs from it only by case.
pub(super) fn holder(
    connection: &Connection,
    name: &DeviceName,
) -> Result<Option<Account>, OpError> {
    let sql = format!("SELECT {COLUMNS} FROM accounts WHERE folded = ?1");
    let mut select = connection.prepare_cached(&sql)?;
    let row = select.query_row([name.folded()], stored).optional()?;
    row.map(read).transpose()
}

/// The number of accounts.
pub(super) fn count(connection: &Connection) -> Result<u64, OpError> {
    let mut select = connection.prepare_cached("SELECT accounts FROM account_totals")?;
    Ok(select.query_row([], |row| row.get(0))?)
}

/// A row as it is stored.
type StoredAccount = (String, String, i64, Option<Vec<u8>>, Option<i64>, u64);

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredAccount> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
    ))
}

fn read((name, hash, created, key, enrolled, version): StoredAccount) -> Result<Account, OpError> {
    Ok(Account {
        name: name
            .parse()
            .map_err(|_| damaged("the name of an account"))?,
        // The column came before accounts without a password: an empty text stands for none.
        password_hash: (!hash.is_empty()).then(|| PasswordHash::new(hash)),
        created: WallTime::from_unix_millis(created),
        key: stored_key(key, enrolled)?,
        version: AccountVersion(version),
    })
}

pub(super) fn add(connection: &Connection, account: &Account) -> Result<(), OpError> {
    let folded = account.name.folded();
    let mut select = connection.prepare_cached("SELECT name FROM accounts WHERE folded = ?1")?;
    let taken: Option<String> = select.query_row([&folded], |row| row.get(0)).optional()?;
    if let Some(taken) = taken {
        let message = format!("there is an account {taken}");
        return Err(StoreError::Conflict(message).into());
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO accounts (name, folded, password_hash, created_ms, device_key, enrolled_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    insert.execute(params![
        account.name.as_str(),
        folded,
        account
            .password_hash
            .as_ref()
            .map_or("", PasswordHash::as_str),
        account.created.unix_millis(),
        account.key.as_ref().map(|enrolled| enrolled.key.as_bytes()),
        account
            .key
            .as_ref()
            .map(|enrolled| enrolled.enrolled.unix_millis()),
    ])?;
    Ok(())
}

pub(super) fn set_password(
    connection: &Connection,
    name: &DeviceName,
    hash: &PasswordHash,
) -> Result<(), OpError> {
    let mut update =
        connection.prepare_cached("UPDATE accounts SET password_hash = ?2 WHERE name = ?1")?;
    found(update.execute([name.as_str(), hash.as_str()])?)
}

/// Gives an account this key, unless it has it already.
pub(super) fn set_key(
    connection: &Connection,
    name: &DeviceName,
    key: &EnrolledKey,
    replace: bool,
) -> Result<(), OpError> {
    require(connection, name)?;
    match key_of(connection, name)? {
        Some(before) if before.key == key.key => return Ok(()),
        Some(_) if !replace => {
            let message = format!("the account {name} has another key");
            return Err(StoreError::Conflict(message).into());
        }
        _ => {}
    }
    let mut update = connection
        .prepare_cached("UPDATE accounts SET device_key = ?2, enrolled_ms = ?3 WHERE name = ?1")?;
    let enrolled = key.enrolled.unix_millis();
    update.execute(params![name.as_str(), key.key.as_bytes(), enrolled])?;
    Ok(())
}

pub(super) fn remove_key(connection: &Connection, name: &DeviceName) -> Result<(), OpError> {
    let mut update = connection.prepare_cached(
        "UPDATE accounts SET device_key = NULL, enrolled_ms = NULL
         WHERE name = ?1 AND device_key IS NOT NULL",
    )?;
    found(update.execute([name.as_str()])?)
}

fn key_of(connection: &Connection, name: &DeviceName) -> Result<Option<EnrolledKey>, OpError> {
    let mut select = connection
        .prepare_cached("SELECT device_key, enrolled_ms FROM accounts WHERE name = ?1")?;
    let (key, enrolled) =
        select.query_row([name.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    stored_key(key, enrolled)
}

pub(super) fn stored_key(
    key: Option<Vec<u8>>,
    enrolled: Option<i64>,
) -> Result<Option<EnrolledKey>, OpError> {
    let Some(key) = key else {
        return Ok(None);
    };
    let bytes = <[u8; 32]>::try_from(key).map_err(|_| damaged("the key of an account"))?;
    Ok(Some(EnrolledKey {
        key: DeviceKey::from_bytes(bytes),
        enrolled: WallTime::from_unix_millis(enrolled.unwrap_or_default()),
    }))
}

pub(super) fn remove(connection: &Connection, name: &DeviceName) -> Result<(), OpError> {
    let mut count = connection.prepare_cached("SELECT count(*) FROM files WHERE device = ?1")?;
    let files: u64 = count.query_row([name.as_str()], |row| row.get(0))?;
    if files > 0 {
        let message = format!("the account {name} has {files} files: delete them first");
        return Err(StoreError::Conflict(message).into());
    }
    let mut delete = connection.prepare_cached("DELETE FROM accounts WHERE name = ?1")?;
    found(delete.execute([name.as_str()])?)
}

/// `NotFound` without the account.
pub(super) fn require(connection: &Connection, name: &DeviceName) -> Result<(), OpError> {
    let mut select = connection.prepare_cached("SELECT 1 FROM accounts WHERE name = ?1")?;
    found(usize::from(select.exists([name.as_str()])?))
}

fn found(rows: usize) -> Result<(), OpError> {
    match rows {
        0 => Err(StoreError::NotFound.into()),
        _ => Ok(()),
    }
}
