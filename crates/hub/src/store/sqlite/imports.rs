//! The accounts that credentials files have given.

use fleetlink_core::{Account, AccountVersion, GivenLogin, ImportMemory, PasswordHash};
use fleetlink_proto::{DeviceName, WallTime};
use rusqlite::{Connection, OptionalExtension, params};

use super::accounts;
use super::error::{OpError, damaged};

/// Everything that is remembered, for who imports this file.
pub(super) fn memory(connection: &Connection, origin: &str) -> Result<ImportMemory, OpError> {
    let mut select =
        connection.prepare_cached("SELECT whole FROM credentials_files WHERE origin = ?1")?;
    let whole: Option<String> = select.query_row([origin], |row| row.get(0)).optional()?;
    let mut select =
        connection.prepare_cached("SELECT name, origin, password_hash, gives FROM given_logins")?;
    let rows = select.query_map([], |row| {
        let name: String = row.get(0)?;
        let origin: String = row.get(1)?;
        let hash: String = row.get(2)?;
        Ok((name, origin, hash, row.get(3)?))
    })?;
    let logins = rows.map(|row| {
        let (name, origin, hash, gives) = row?;
        Ok(GivenLogin {
            origin: origin.into(),
            name: name.parse().map_err(|_| damaged("the name of a login"))?,
            password_hash: PasswordHash::new(hash),
            gives,
        })
    });
    Ok(ImportMemory {
        whole: whole.map(PasswordHash::new),
        logins: logins.collect::<Result<_, OpError>>()?,
    })
}

/// Remembers a line; with `applies`, makes the account so.
pub(super) fn import(
    connection: &Connection,
    given: &GivenLogin,
    at: WallTime,
    applies: bool,
) -> Result<(), OpError> {
    if applies {
        apply(connection, given, at)?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO given_logins (name, origin, password_hash, gives)
         VALUES (?1, ?2, ?3, ?4)",
    )?;
    let GivenLogin {
        origin,
        name,
        password_hash,
        gives,
    } = given;
    insert.execute(params![
        name.as_str(),
        origin,
        password_hash.as_str(),
        gives
    ])?;
    Ok(())
}

fn apply(connection: &Connection, given: &GivenLogin, at: WallTime) -> Result<(), OpError> {
    if accounts::find(connection, &given.name)?.is_some() {
        return accounts::set_password(connection, &given.name, &given.password_hash);
    }
    let account = Account {
        name: given.name.clone(),
        password_hash: Some(given.password_hash.clone()),
        created: at,
        key: None,
        version: AccountVersion::default(),
    };
    accounts::add(connection, &account)
}

/// Somebody else has made this account: its login is not a file's.
pub(super) fn disown(connection: &Connection, name: &DeviceName) -> Result<(), OpError> {
    let mut update =
        connection.prepare_cached("UPDATE given_logins SET gives = 0 WHERE name = ?1")?;
    update.execute([name.as_str()])?;
    Ok(())
}

pub(super) fn remove_login(
    connection: &Connection,
    name: &DeviceName,
    origin: &str,
) -> Result<(), OpError> {
    let mut update = connection.prepare_cached(
        "UPDATE accounts SET password_hash = '', device_key = NULL, enrolled_ms = NULL
         WHERE name = ?1",
    )?;
    update.execute([name.as_str()])?;
    forget(connection, name, origin)
}

pub(super) fn finish(
    connection: &Connection,
    origin: &str,
    whole: &PasswordHash,
    names: &[DeviceName],
) -> Result<(), OpError> {
    for name in names {
        forget(connection, name, origin)?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO credentials_files (origin, whole) VALUES (?1, ?2)",
    )?;
    insert.execute([origin, whole.as_str()])?;
    Ok(())
}

fn forget(connection: &Connection, name: &DeviceName, origin: &str) -> Result<(), OpError> {
    let mut delete =
        connection.prepare_cached("DELETE FROM given_logins WHERE name = ?1 AND origin = ?2")?;
    delete.execute([name.as_str(), origin])?;
    Ok(())
}
