//! Rewriting a database of an earlier version, once, so that it can give room back.

use std::fs::{self, File};
use std::io;

use rusqlite::Connection;

use super::folder::{Folder, private, sync_folder};
use super::open_error::OpenError;
use super::vacuum;

/// The connection after an attempt to rewrite the database.
pub(super) enum Rewritten {
    /// The database is as it should be; the connection goes on.
    Not(Connection),
    /// It is another file now.
    Anew,
}

/// Rewrites the database where that is needed and there is room. Where it fails, the database is as it
/// was, and it is tried again at the next start.
pub(super) fn if_needed(connection: Connection, folder: &Folder) -> Rewritten {
    match vacuum::is_possible(&connection) {
        Ok(true) => {
            // Of a rewriting that was cut off.
            let _ = fs::remove_file(folder.rewritten());
            return Rewritten::Not(connection);
        }
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(%error, "the database cannot be looked at");
            return Rewritten::Not(connection);
        }
    }
    tracing::info!("the database is rewritten once, so that room that is freed comes back");
    if let Err(error) = write(&connection, folder) {
        let _ = fs::remove_file(folder.rewritten());
        tracing::warn!(%error, "the database is not rewritten yet: room in it stays its own");
        return Rewritten::Not(connection);
    }
    match replace(connection, folder) {
        Ok(()) => {}
        Err(error) => {
            let _ = fs::remove_file(folder.rewritten());
            tracing::warn!(%error, "the database is not rewritten yet: room in it stays its own");
        }
    }
    Rewritten::Anew
}

fn write(connection: &Connection, folder: &Folder) -> io::Result<()> {
    let path = folder.rewritten();
    // Empty, and for the hub's user alone, before SQLite writes to it.
    let mut options = private();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)?;
    let name = path.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
    // The mode of the new file is that which the connection was set to.
    let written = connection.execute("VACUUM INTO ?1", [name]);
    written.map_err(io::Error::other)?;
    File::options().write(true).open(&path)?.sync_all()
}

/// Puts the new file in the place of the old one, whose log must be part of it by then.
fn replace(connection: Connection, folder: &Folder) -> io::Result<()> {
    close_whole(connection, folder).map_err(io::Error::other)?;
    fs::rename(folder.rewritten(), folder.database())?;
    sync_folder(folder.root())
}

/// Closes the database. All of it is in its one file when this returns without an error.
pub(super) fn close_whole(connection: Connection, folder: &Folder) -> Result<(), OpenError> {
    connection.close().map_err(|(_, error)| error)?;
    match fs::metadata(folder.log()).is_ok_and(|log| log.len() > 0) {
        true => Err(OpenError::LogLeft("is the disk full?".to_owned())),
        false => Ok(()),
    }
}
