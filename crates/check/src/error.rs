//! Errors before the first check.

use std::io;
use std::path::PathBuf;

/// An error that keeps a checker from starting.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of points cannot be read.
    #[error("cannot read the points in {}: {error}", path.display())]
    UnreadablePoints {
        /// The path as it was given.
        path: PathBuf,
        #[source]
        error: io::Error,
    },
    /// The points are malformed or name an unknown check.
    #[error("{0}")]
    BadPoints(String),
    /// The client does not learn the port of the checker's server.
    #[error(
        "the client is not told the port: write {{port}} where it belongs among its arguments, or \
         give --port where the port is fixed in the client"
    )]
    NoPort,
}
