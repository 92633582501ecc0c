//! Reading a segment, checked against its hash.

use std::fs::File;
use std::io::{self, Cursor, Read};

use fleetlink_core::{SegmentRef, StoreError};
use fleetlink_proto::ContentHash;
use rusqlite::{Connection, OptionalExtension};

use super::error::of_read;
use super::folder::Folder;
use crate::store::SegmentReader;

/// Finds the bytes of a segment, in its row or in its file.
pub(super) fn open(
    connection: &Connection,
    folder: &Folder,
    segment: &SegmentRef,
) -> Result<CheckedReader, StoreError> {
    let row = |id| body(connection, id).map_err(|error| of_read(error.into()));
    let (bytes, source): (u64, Box<dyn Read + Send>) = match row(segment.id)? {
        None => return Err(StoreError::NotFound),
        Some(Some(body)) => (body.len() as u64, Box::new(Cursor::new(body))),
        Some(None) => match open_file(folder, segment.id) {
            Ok((bytes, file)) => (bytes, Box::new(file)),
            // It may have been replaced, and its file removed, since its row was read.
            Err(_) if row(segment.id)?.is_none() => return Err(StoreError::NotFound),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(corrupt(segment.id, "its file is missing"));
            }
            Err(error) => return Err(unreadable(segment.id, &error)),
        },
    };
    checked(bytes, source, segment)
}

/// The row's body, which is `None` where a file has it.
fn body(connection: &Connection, id: u64) -> rusqlite::Result<Option<Option<Vec<u8>>>> {
    let mut select = connection.prepare_cached("SELECT body FROM segments WHERE id = ?1")?;
    select.query_row([id], |row| row.get(0)).optional()
}

fn open_file(folder: &Folder, id: u64) -> io::Result<(u64, File)> {
    let file = File::open(folder.segment(id))?;
    Ok((file.metadata()?.len(), file))
}

/// Opens a segment that had a file a moment ago.
pub(super) fn open_filed(
    folder: &Folder,
    segment: &SegmentRef,
) -> Result<CheckedReader, StoreError> {
    match open_file(folder, segment.id) {
        Ok((bytes, file)) => checked(bytes, Box::new(file), segment),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::NotFound),
        Err(error) => Err(unreadable(segment.id, &error)),
    }
}

fn checked(
    bytes: u64,
    source: Box<dyn Read + Send>,
    segment: &SegmentRef,
) -> Result<CheckedReader, StoreError> {
    if bytes != segment.bytes {
        return Err(corrupt(segment.id, "it has another length"));
    }
    Ok(CheckedReader {
        source,
        rest: bytes,
        hasher: blake3::Hasher::new(),
        segment: segment.clone(),
    })
}

pub(super) struct CheckedReader {
    source: Box<dyn Read + Send>,
    rest: u64,
    hasher: blake3::Hasher,
    segment: SegmentRef,
}

impl SegmentReader for CheckedReader {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, StoreError> {
        let room = usize::try_from(self.rest).map_or(buffer.len(), |rest| rest.min(buffer.len()));
        let buffer = &mut buffer[..room];
        if buffer.is_empty() && self.rest > 0 {
            return Ok(0);
        }
        let read = read_some(&mut self.source, buffer)
            .map_err(|error| unreadable(self.segment.id, &error))?;
        if read == 0 && self.rest > 0 {
            return Err(corrupt(self.segment.id, "it ends too early"));
        }
        self.hasher.update(&buffer[..read]);
        self.rest -= read as u64;
        if self.rest == 0 && ContentHash::from(self.hasher.finalize()) != self.segment.hash {
            // What was read is not served, and neither is a second attempt at this piece.
            self.source = Box::new(io::empty());
            self.rest = 1;
            return Err(corrupt(self.segment.id, "its hash differs"));
        }
        Ok(read)
    }
}

fn read_some(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn corrupt(id: u64, why: &str) -> StoreError {
    tracing::error!(segment = id, why, "stored data are damaged");
    StoreError::Corrupt(format!("segment {id}: {why}"))
}

fn unreadable(id: u64, error: &io::Error) -> StoreError {
    tracing::error!(segment = id, %error, "stored data cannot be read");
    StoreError::Unavailable(format!("segment {id} cannot be read: {error}"))
}
