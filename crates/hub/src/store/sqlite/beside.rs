//! A store that is read beside the hub that may be using it, by a backup or a check.
//!
//! The files of segments that the database names from now on stay for as long as this is open. So
//! no reader of it meets a deletion or a merge that is under way.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use super::folder::{self, DATABASE, SEGMENTS, at};
use super::open_error::OpenError;
use super::{connection, schema};

/// A store that is only read.
pub(crate) struct Beside {
    root: PathBuf,
    pub(super) connection: Connection,
    format: i64,
    _segments: Option<File>,
}

/// A segment whose bytes are in a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FiledSegment {
    pub(crate) id: u64,
    pub(crate) bytes: u64,
    pub(crate) hash: [u8; 32],
}

/// Counts of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StoreCounts {
    /// Accounts of devices.
    pub accounts: u64,
    /// Data files.
    pub data_files: u64,
    /// Segments, in rows and in files.
    pub segments: u64,
    /// Bytes of all data files.
    pub bytes: u64,
    /// The number of the last change of a data file.
    pub last_change: u64,
}

/// The newest format of a store that this version knows.
pub(crate) fn newest_format() -> usize {
    schema::STEPS.len()
}

impl Beside {
    /// Opens the store in this folder. Its format is the newest or an earlier one.
    ///
    /// # Errors
    /// There is none, it is newer, or it cannot be read.
    pub(crate) fn open(root: &Path) -> Result<Self, OpenError> {
        connection::check_sqlite()?;
        if !fs::metadata(root.join(DATABASE)).is_ok_and(|found| found.len() > 0) {
            folder::refuse_cut_off(root)?;
            return Err(OpenError::NoStore(root.to_owned()));
        }
        let root = root.canonicalize().map_err(at(root))?;
        let segments = folder::keep_segments(&root).map_err(at(&root.join(SEGMENTS)))?;
        let connection = connection::beside(&root)?;
        let found = schema::format(&connection, &root)?;
        let known = newest_format();
        if usize::try_from(found).map_or(true, |found| found > known) {
            let folder = root;
            return Err(OpenError::Newer {
                folder,
                found,
                known,
            });
        }
        Ok(Beside {
            root,
            connection,
            format: found,
            _segments: Some(segments),
        })
    }

    /// The same, where it has the newest format.
    pub(crate) fn open_newest(root: &Path) -> Result<Self, OpenError> {
        let store = Beside::open(root)?;
        let (found, known) = (store.format, newest_format());
        if usize::try_from(found) != Ok(known) {
            let folder = store.root;
            return Err(OpenError::Older {
                folder,
                found,
                known,
            });
        }
        Ok(store)
    }

    /// Opens a copy of a database of the newest format, which nobody else uses.
    pub(super) fn of_copy(database: &Path) -> Result<Self, OpenError> {
        connection::check_sqlite()?;
        let root = database.parent().unwrap_or(Path::new("")).to_owned();
        let connection = connection::copy(database)?;
        let format = schema::format(&connection, &root)?;
        Ok(Beside {
            root,
            connection,
            format,
            _segments: None,
        })
    }

    /// The data folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The path of a segment's file.
    pub(crate) fn segment(&self, id: u64) -> PathBuf {
        self.root.join(SEGMENTS).join(id.to_string())
    }

    /// The handle that ends what the connection does.
    pub(crate) fn interrupt(&self) -> rusqlite::InterruptHandle {
        self.connection.get_interrupt_handle()
    }

    /// Writes a copy of the database as it is at one moment. It has no pages that hold deleted rows.
    pub(crate) fn copy_database(&self, to: &Path) -> rusqlite::Result<()> {
        let name = to.to_str().ok_or_else(|| {
            let path = to.to_owned();
            rusqlite::Error::InvalidPath(path)
        })?;
        self.connection
            .execute("VACUUM INTO ?1", [name])
            .map(|_| ())
    }
}

/// A copy of a database, which nobody else uses.
pub(crate) struct DatabaseCopy(Connection);

impl DatabaseCopy {
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let flags =
            rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(path, flags).map(DatabaseCopy)
    }

    /// Its format.
    pub(crate) fn format(&self) -> rusqlite::Result<u64> {
        self.0
            .pragma_query_value(None, "user_version", |row| row.get(0))
    }

    /// Counts what it holds.
    pub(crate) fn counts(&self) -> rusqlite::Result<StoreCounts> {
        let number = |sql: &str| self.0.query_row(sql, [], |row| row.get(0));
        Ok(StoreCounts {
            accounts: number("SELECT count(*) FROM accounts")?,
            data_files: number("SELECT count(*) FROM files")?,
            segments: number("SELECT count(*) FROM segments")?,
            bytes: number("SELECT coalesce(sum(bytes), 0) FROM files")?,
            last_change: number(
                "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'journal'",
            )?,
        })
    }

    /// The bytes of all segments that have files.
    pub(crate) fn filed_bytes(&self) -> rusqlite::Result<u64> {
        let sum = "SELECT coalesce(sum(bytes), 0) FROM segments WHERE body IS NULL";
        self.0.query_row(sum, [], |row| row.get(0))
    }

    /// Tells of each segment that has a file, by number. Ends where `tell` fails.
    pub(crate) fn filed_segments<E: From<rusqlite::Error>>(
        &self,
        tell: impl FnMut(FiledSegment) -> Result<(), E>,
    ) -> Result<(), E> {
        filed_segments(&self.0, tell)
    }

    /// The first segment in a row whose bytes are not those of its hash.
    pub(crate) fn damaged_row(&self) -> rusqlite::Result<Option<u64>> {
        let select = "SELECT id, hash, body FROM segments WHERE body IS NOT NULL ORDER BY id";
        let mut select = self.0.prepare(select)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (hash, body): ([u8; 32], Vec<u8>) = (row.get(1)?, row.get(2)?);
            if *blake3::hash(&body).as_bytes() != hash {
                return row.get(0).map(Some);
            }
        }
        Ok(None)
    }

    /// The data file that a segment is part of, for a message.
    pub(crate) fn owner(&self, segment: u64) -> Option<String> {
        let select = "SELECT device || '/' || file FROM segments WHERE id = ?1";
        let found = self.0.query_row(select, [segment], |row| row.get(0));
        found.optional().ok().flatten()
    }
}

/// Tells of each segment that has a file, by number. Ends where `tell` fails.
pub(super) fn filed_segments<E: From<rusqlite::Error>>(
    connection: &Connection,
    mut tell: impl FnMut(FiledSegment) -> Result<(), E>,
) -> Result<(), E> {
    let select = "SELECT id, bytes, hash FROM segments WHERE body IS NULL ORDER BY id";
    let mut select = connection.prepare(select)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        tell(FiledSegment {
            id: row.get(0)?,
            bytes: row.get(1)?,
            hash: row.get(2)?,
        })?;
    }
    Ok(())
}

/// A folder for the hub's user alone, with those above it.
pub(crate) fn make_private_folder(path: &Path) -> Result<(), OpenError> {
    folder::make_private(path)
}

/// The options of a file for the hub's user alone.
pub(crate) fn private_file() -> fs::OpenOptions {
    folder::private()
}
