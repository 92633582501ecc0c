//! The tables, and how an older database comes to have them.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::folder::{DATABASE, Folder};
use super::open_error::OpenError;

/// Step `n` makes format `n + 1` of format `n`. A step that was released is never changed.
pub(super) const STEPS: &[&str] = &["
    CREATE TABLE accounts (
        name          TEXT NOT NULL PRIMARY KEY,
        folded        TEXT NOT NULL UNIQUE,
        password_hash TEXT NOT NULL,
        created_ms    INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- Its version is the journal's sequence, so it grows over deletion and a new upload.
    CREATE TABLE files (
        device     TEXT NOT NULL REFERENCES accounts (name),
        file       INTEGER NOT NULL,
        version    INTEGER NOT NULL,
        segments   INTEGER NOT NULL,
        bytes      INTEGER NOT NULL,
        ends_open  INTEGER NOT NULL,
        changed_ms INTEGER NOT NULL,
        summary    BLOB NOT NULL,
        PRIMARY KEY (device, file)
    ) STRICT, WITHOUT ROWID;

    -- AUTOINCREMENT remembers the largest id, so none is ever used again. Where the body is null it
    -- is in the file of this id. The body stands last, so that reading the others does not touch it.
    CREATE TABLE segments (
        id        INTEGER PRIMARY KEY AUTOINCREMENT,
        device    TEXT NOT NULL,
        file      INTEGER NOT NULL,
        position  INTEGER NOT NULL,
        bytes     INTEGER NOT NULL,
        ends_open INTEGER NOT NULL,
        hash      BLOB NOT NULL,
        summary   BLOB NOT NULL,
        body      BLOB,
        UNIQUE (device, file, position),
        FOREIGN KEY (device, file) REFERENCES files (device, file)
    ) STRICT;

    -- The log files are made of it, and it tells a repeated change from a new one.
    CREATE TABLE journal (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        device   TEXT NOT NULL,
        key      BLOB NOT NULL,
        kind     INTEGER NOT NULL,
        file     INTEGER NOT NULL,
        samples  INTEGER NOT NULL,
        bytes    INTEGER NOT NULL,
        at_ms    INTEGER NOT NULL,
        UNIQUE (device, key)
    ) STRICT;
", "
    -- A device's Ed25519 public key, where it has one.
    ALTER TABLE accounts ADD COLUMN device_key BLOB;
    ALTER TABLE accounts ADD COLUMN enrolled_ms INTEGER;
", "
    -- Join tickets; of a secret its hash alone is kept.
    CREATE TABLE tickets (
        number     INTEGER NOT NULL PRIMARY KEY,
        hash       BLOB NOT NULL UNIQUE,
        subject    TEXT NOT NULL,
        is_prefix  INTEGER NOT NULL,
        uses       INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL,
        revoked_ms INTEGER
    ) STRICT;

    -- Outlives the accounts that it names.
    CREATE TABLE ticket_uses (
        ticket     INTEGER NOT NULL REFERENCES tickets (number),
        name       TEXT NOT NULL,
        device_key BLOB NOT NULL,
        at_ms      INTEGER NOT NULL,
        PRIMARY KEY (ticket, name)
    ) STRICT, WITHOUT ROWID;
", "
    -- Segments that no data file has any more, whose file may still be there.
    CREATE TABLE former_segments (
        id    INTEGER PRIMARY KEY,
        bytes INTEGER NOT NULL,
        hash  BLOB NOT NULL
    ) STRICT;
", "
    -- The lines of credentials files as they were applied last. Outlives the accounts: a line that
    -- has not changed makes none of them anew.
    CREATE TABLE given_logins (
        name          TEXT NOT NULL PRIMARY KEY,
        origin        TEXT NOT NULL,
        password_hash TEXT NOT NULL,
        gives         INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- The hash of all of a file, by the path that it had.
    CREATE TABLE credentials_files (
        origin TEXT NOT NULL PRIMARY KEY,
        whole  TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
", "
    -- Who had a file deleted: 0 its device, 1 the operator, 2 retention. Always 0 of uploads.
    ALTER TABLE journal ADD COLUMN by INTEGER NOT NULL DEFAULT 0;
", "
    -- A data file has a name: a number as it was, or a text. The values stay as they are, so the
    -- declared type alone is changed; the table that comes and goes makes others read it anew.
    PRAGMA writable_schema = ON;
    UPDATE sqlite_schema
        SET sql = replace(replace(replace(sql,
            'file       INTEGER NOT NULL', 'file       ANY NOT NULL'),
            'file      INTEGER NOT NULL', 'file      ANY NOT NULL'),
            'file     INTEGER NOT NULL', 'file     ANY NOT NULL')
        WHERE type = 'table' AND name IN ('files', 'segments', 'journal');
    CREATE TABLE names_of_data_files (file ANY) STRICT;
    DROP TABLE names_of_data_files;
    PRAGMA writable_schema = RESET;
", "
    -- The state of an account, by a number that each change of any account raises.
    ALTER TABLE accounts ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

    -- One row: the last version, and how many accounts there are. Counting them would take longer the
    -- more there are.
    CREATE TABLE account_totals (
        one      INTEGER PRIMARY KEY CHECK (one = 1),
        version  INTEGER NOT NULL,
        accounts INTEGER NOT NULL
    ) STRICT;
    INSERT INTO account_totals SELECT 1, 0, count(*) FROM accounts;

    CREATE TRIGGER account_added AFTER INSERT ON accounts BEGIN
        UPDATE account_totals SET version = version + 1, accounts = accounts + 1;
        UPDATE accounts SET version = (SELECT version FROM account_totals) WHERE name = NEW.name;
    END;
    CREATE TRIGGER account_changed
        AFTER UPDATE OF password_hash, device_key, enrolled_ms ON accounts BEGIN
        UPDATE account_totals SET version = version + 1;
        UPDATE accounts SET version = (SELECT version FROM account_totals) WHERE name = NEW.name;
    END;
    CREATE TRIGGER account_removed AFTER DELETE ON accounts BEGIN
        UPDATE account_totals SET version = version + 1, accounts = accounts - 1;
    END;

    CREATE INDEX given_logins_by_origin ON given_logins (origin);
", "
    -- The people who log in to the page.
    CREATE TABLE web_logins (
        name          TEXT NOT NULL PRIMARY KEY,
        folded        TEXT NOT NULL UNIQUE,
        role          TEXT NOT NULL,
        password_hash TEXT NOT NULL,
        created_ms    INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- Of the secret of a token, a link and a session its hash alone is kept. The largest id of a
    -- token is remembered, so none is ever used again.
    CREATE TABLE tokens (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        hash       BLOB NOT NULL UNIQUE,
        name       TEXT NOT NULL,
        role       TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        expires_ms INTEGER,
        used_ms    INTEGER
    ) STRICT;

    CREATE TABLE login_links (
        hash       BLOB NOT NULL PRIMARY KEY,
        created_ms INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- Of a session that a link opened, the login is null.
    CREATE TABLE page_sessions (
        hash      BLOB NOT NULL PRIMARY KEY,
        login     TEXT REFERENCES web_logins (name),
        role      TEXT NOT NULL,
        opened_ms INTEGER NOT NULL,
        used_ms   INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX page_sessions_by_login ON page_sessions (login);
    CREATE INDEX page_sessions_by_use ON page_sessions (used_ms);
", "
    -- When each device was there. `present` and `absent` are sets of half hours.
    CREATE TABLE sightings (
        device     TEXT NOT NULL PRIMARY KEY REFERENCES accounts (name) ON DELETE CASCADE,
        first_ms   INTEGER NOT NULL,
        last_ms    INTEGER NOT NULL,
        is_seen    INTEGER NOT NULL,
        is_present INTEGER NOT NULL,
        since_ms   INTEGER NOT NULL,
        present    BLOB NOT NULL,
        absent     BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- One row: when a hub said last that it runs, and in which half hours one ran.
    CREATE TABLE hub_uptime (
        one      INTEGER PRIMARY KEY CHECK (one = 1),
        alive_ms INTEGER NOT NULL,
        ran      BLOB NOT NULL
    ) STRICT;

    -- Who did what. The largest id is remembered, so none is ever used again. Each index ends with the
    -- time and the id, so that it gives the newest records that fit first.
    CREATE TABLE audit_events (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ms   INTEGER NOT NULL,
        action  TEXT NOT NULL,
        by_kind TEXT NOT NULL,
        by_name TEXT COLLATE NOCASE,
        door    TEXT,
        address TEXT,
        device  TEXT COLLATE NOCASE,
        file    ANY,
        subject TEXT,
        outcome TEXT NOT NULL,
        detail  TEXT
    ) STRICT;
    CREATE INDEX audit_by_time ON audit_events (at_ms);
    CREATE INDEX audit_by_action ON audit_events (action, by_kind, at_ms);
    CREATE INDEX audit_by_device ON audit_events (device, action, at_ms) WHERE device IS NOT NULL;
    CREATE INDEX audit_by_file ON audit_events (file, at_ms) WHERE file IS NOT NULL;
    CREATE INDEX audit_by_name ON audit_events (by_name, at_ms) WHERE by_name IS NOT NULL;
    CREATE INDEX audit_by_kind ON audit_events (by_kind, at_ms);
    -- What the hub did as devices caused it: it goes with theirs.
    CREATE INDEX audit_of_upkeep ON audit_events (at_ms)
        WHERE by_kind = 'hub' AND action IN ('data.deleted', 'left', 'audit.left_out');
    CREATE INDEX audit_by_outcome ON audit_events (outcome, at_ms) WHERE outcome <> 'done';

    -- The last sample of a data file in the order of arrival; empty where there is none. Null where
    -- nobody has looked yet: files of an older version, which are looked at in the background.
    ALTER TABLE files ADD COLUMN latest BLOB;
    CREATE INDEX files_without_latest ON files (device, file) WHERE latest IS NULL;

    -- Rules that administrators set: `quota` (bytes), `quota-files`, and `retain` (seconds). No bound where
    -- the value is null.
    CREATE TABLE rules (
        kind    TEXT NOT NULL,
        pattern TEXT NOT NULL,
        value   INTEGER,
        PRIMARY KEY (kind, pattern)
    ) STRICT, WITHOUT ROWID;
"];

/// Marks a database as one of ours: `flnk`.
const APPLICATION: i64 = 0x666c_6e6b;

/// The format of a database, 0 where it is empty.
pub(super) fn format(connection: &Connection, folder: &Path) -> Result<i64, OpenError> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get(0));
    let (application, format): (i64, i64) = (number("application_id")?, number("user_version")?);
    let count = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = connection.query_row(count, [], |row| row.get(0))?;
    if application != APPLICATION && (tables > 0 || application != 0 || format != 0) {
        return Err(OpenError::Foreign(folder.join(DATABASE)));
    }
    Ok(format)
}

/// Does the steps that the database has not seen, each whole or not at all.
pub(super) fn migrate(
    connection: &mut Connection,
    folder: &Folder,
    steps: &[&str],
) -> Result<(), OpenError> {
    let found = format(connection, folder.root())?;
    let newer = || OpenError::Newer {
        folder: folder.root().to_owned(),
        found,
        known: steps.len(),
    };
    let done = usize::try_from(found).map_err(|_| newer())?;
    let missing = steps.get(done..).ok_or_else(newer)?;
    for (step, number) in missing.iter().zip(found + 1..) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
        tracing::info!(format = number, "the database has a new format");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::connection;

    const NEXT: &str = "ALTER TABLE accounts ADD COLUMN note TEXT";

    fn columns(connection: &Connection) -> i64 {
        let count = "SELECT count(*) FROM pragma_table_info('accounts')";
        connection.query_row(count, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn an_older_database_gets_the_steps_that_it_lacks() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path()).unwrap();
        let old = connection::writer(&folder, STEPS).unwrap();
        let insert = "INSERT INTO accounts (name, folded, password_hash, created_ms)
                      VALUES ('cam', 'cam', '', 0)";
        old.execute(insert, []).unwrap();
        drop(old);
        let steps = [STEPS, &[NEXT]].concat();
        for _ in 0..2 {
            let new = connection::writer(&folder, &steps).unwrap();
            assert_eq!(
                usize::try_from(format(&new, folder.root()).unwrap()),
                Ok(steps.len())
            );
            assert_eq!(columns(&new), 8);
            let kept = "SELECT name FROM accounts WHERE note IS NULL";
            let kept: String = new.query_row(kept, [], |row| row.get(0)).unwrap();
            assert_eq!(kept, "cam");
        }
        let refused = connection::writer(&folder, STEPS).unwrap_err();
        assert!(matches!(refused, OpenError::Newer { .. }), "{refused}");
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path()).unwrap();
        drop(connection::writer(&folder, STEPS).unwrap());
        let broken = format!("{NEXT}; CREATE TABLE accounts (x)");
        let steps = [STEPS, &[&broken]].concat();
        assert!(connection::writer(&folder, &steps).is_err());
        let same = connection::writer(&folder, STEPS).unwrap();
        assert_eq!(columns(&same), 7);
    }
}
