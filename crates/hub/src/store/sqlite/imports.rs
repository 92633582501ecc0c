//! The accounts that credentials files have given.

use fleetlink_core::{Account, AccountVersion, GivenLogin, ImportMemory, KnownNames, PasswordHash};
use fleetlink_proto::{DeviceName, WallTime};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::accounts;
use super::error::{OpError, damaged};

/// The memory of the file at this path.
pub(super) fn memory(connection: &Connection, origin: &str) -> Result<ImportMemory, OpError> {
    let mut select =
        connection.prepare_cached("SELECT whole FROM credentials_files WHERE origin = ?1")?;
    let whole: Option<String> = select.query_row([origin], |row| row.get(0)).optional()?;
    let mut select = connection.prepare_cached(
        "SELECT name, origin, password_hash, gives FROM given_logins WHERE origin = ?1",
    )?;
    let rows = select.query_map([origin], stored)?;
    Ok(ImportMemory {
        whole: whole.map(PasswordHash::new),
        logins: rows.map(|row| read(row?)).collect::<Result<_, OpError>>()?,
    })
}

/// The accounts of these names, and the lines of files under them.
pub(super) fn known_names(
    connection: &Connection,
    names: &[DeviceName],
) -> Result<KnownNames, OpError> {
    let mut select = connection.prepare_cached(
        "SELECT name, origin, password_hash, gives FROM given_logins WHERE name = ?1",
    )?;
    let mut known = KnownNames::default();
    for name in names {
        let given = select.query_row([name.as_str()], stored).optional()?;
        known.given.extend(given.map(read).transpose()?);
        known.accounts.extend(accounts::find(connection, name)?);
    }
    Ok(known)
}

/// A row as it is stored.
type StoredLogin = (String, String, String, bool);

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredLogin> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn read((name, origin, hash, gives): StoredLogin) -> Result<GivenLogin, OpError> {
    Ok(GivenLogin {
        origin: origin.into(),
        name: name.parse().map_err(|_| damaged("the name of a login"))?,
        password_hash: PasswordHash::new(hash),
        gives,
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
