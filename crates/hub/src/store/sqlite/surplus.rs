//! The data files that are beyond the bounds of what is kept.

use fleetlink_proto::{Version, WallTime};
use rusqlite::{Connection, Row, params};

use super::data_file;
use super::error::{OpError, damaged};
use crate::store::SurplusFile;

/// Those that were changed the longest ago first. Nothing is looked at where there are no bounds;
/// else all rows are, once a minute: no change pays for an index.
pub(super) fn find(
    connection: &Connection,
    since: Option<WallTime>,
    most: Option<u64>,
    limit: u32,
) -> Result<Vec<SurplusFile>, OpError> {
    if since.is_none() && most.is_none() {
        return Ok(Vec::new());
    }
    let sum = "SELECT coalesce(sum(bytes), 0) FROM files";
    let mut left: u64 = connection.query_row(sum, [], |row| row.get(0))?;
    let since = since.map_or(i64::MIN, WallTime::unix_millis);
    let most = most.unwrap_or(u64::MAX);
    let mut select = connection.prepare_cached(
        "SELECT device, file, version, bytes, changed_ms FROM files \
         ORDER BY changed_ms, device, file LIMIT ?1",
    )?;
    let mut rows = select.query(params![limit])?;
    let mut files = Vec::new();
    while let Some(row) = rows.next()? {
        let changed: i64 = row.get(4)?;
        if changed >= since && left <= most {
            break;
        }
        files.push(surplus(row)?);
        left = left.saturating_sub(row.get(3)?);
    }
    Ok(files)
}

fn surplus(row: &Row<'_>) -> Result<SurplusFile, OpError> {
    let device: String = row.get(0)?;
    Ok(SurplusFile {
        device: device
            .parse()
            .map_err(|_| damaged("the device of a file"))?,
        file: data_file::read(row, 1)?,
        version: Version::at_most(row.get(2)?),
    })
}
