//! The reason why a store cannot be opened, in words for the operator.

use std::io;
use std::path::PathBuf;

/// The reason why the data folder cannot be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its lock is held.
    #[error("another hub or command is using the folder {}", .0.display())]
    InUse(PathBuf),
    /// It was written by a later version.
    #[error(
        "the store in {} has format {found}, and this version reads formats up to {known}: \
         start the newer version again, or restore a backup made before the upgrade",
        .folder.display()
    )]
    Newer {
        /// The data folder.
        folder: PathBuf,
        /// The format of its database.
        found: i64,
        /// The newest that this version knows.
        known: usize,
    },
    /// It was written by an earlier version, and is only read here.
    #[error(
        "the store in {} has format {found}, and this version checks format {known}: start the hub \
         of this version once, which brings the store to it",
        .folder.display()
    )]
    Older {
        /// The data folder.
        folder: PathBuf,
        /// The format of its database.
        found: i64,
        /// The newest that this version knows.
        known: usize,
    },
    /// There is no database to be read.
    #[error("there is no hub's store in {}: it has no hub.db", .0.display())]
    NoStore(PathBuf),
    /// Its `hub.db` is a database of another program.
    #[error("{} is the database of another program", .0.display())]
    Foreign(PathBuf),
    /// A restore into it did not come to its end.
    #[error(
        "a restore into {} was cut off, so there is no hub's store yet: run `fleetlink restore` into \
         this folder again, which begins anew",
        .0.display()
    )]
    RestoreCutOff(PathBuf),
    /// Its database is gone, but not what belongs to it.
    #[error(
        "the database hub.db in {} is missing or empty, but {beside} beside it belongs to one, so \
         this is no new store: restore hub.db, together with its hub.db-wal where there was one, \
         from a backup; to begin anew, move hub.key and segments out of the folder first",
        .folder.display()
    )]
    DatabaseMissing {
        /// The data folder.
        folder: PathBuf,
        /// The name of a file that belongs to a database.
        beside: &'static str,
    },
    /// The file system has no shared memory, which write-ahead logging needs.
    #[error("{} is on a file system that cannot hold the database: it gave journal mode {mode}",
        .folder.display())]
    NoWriteAheadLog {
        /// The data folder.
        folder: PathBuf,
        /// The mode that SQLite chose instead.
        mode: String,
    },
    /// This binary was linked with an SQLite that is known to damage databases.
    #[error("SQLite {0} can damage databases; 3.51.3 or newer is needed, and not 3.52.0")]
    SqliteVersion(&'static str),
    /// A folder or file in it cannot be made, read or flushed.
    #[error("{}: {error}", .path.display())]
    Io {
        path: PathBuf,
        #[source]
        error: io::Error,
    },
    /// The last changes are still in a log beside it.
    #[error("the write-ahead log of hub.db could not be copied into it: {0}")]
    LogLeft(String),
    /// A thread cannot be started.
    #[error("a thread of the store cannot be started: {0}")]
    Thread(#[source] io::Error),
    /// SQLite refuses.
    #[error("the database hub.db cannot be opened: {0}")]
    Database(#[from] rusqlite::Error),
    /// A row names something that cannot be.
    #[error("the database hub.db is damaged: {0}")]
    Damaged(String),
}
