//! The table of accounts.

use fleetlink_core::{Account, PasswordHash, StoreError};
use fleetlink_proto::{DeviceName, WallTime};
use rusqlite::{Connection, OptionalExtension, params};

use super::error::{OpError, damaged};

pub(super) fn all(connection: &Connection) -> Result<Vec<Account>, OpError> {
    let mut select = connection
        .prepare_cached("SELECT name, password_hash, created_ms FROM accounts ORDER BY name")?;
    let rows = select.query_map([], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get(2)?,
        ))
    })?;
    rows.map(|row| {
        let (name, hash, created) = row?;
        Ok(Account {
            name: name
                .parse()
                .map_err(|_| damaged("the name of an account"))?,
            password_hash: PasswordHash::new(hash),
            created: WallTime::from_unix_millis(created),
        })
    })
    .collect()
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
        "INSERT INTO accounts (name, folded, password_hash, created_ms) VALUES (?1, ?2, ?3, ?4)",
    )?;
    insert.execute(params![
        account.name.as_str(),
        folded,
        account.password_hash.as_str(),
        account.created.unix_millis(),
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
