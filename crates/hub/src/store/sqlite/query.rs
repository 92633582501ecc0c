//! The queries of a store.

use fleetlink_core::{Query, StoreError, StoreReply};
use rusqlite::Connection;

use super::Shared;
use super::error::OpError;
use super::{files, journal, segments};

pub(super) fn run(
    query: &Query,
    connection: &Connection,
    shared: &Shared,
) -> Result<StoreReply, OpError> {
    Ok(match query {
        Query::FindReceipt { device, key } => {
            let earlier = journal::find(connection, device, *key)?;
            StoreReply::Receipt(earlier.map(|earlier| earlier.receipt()).transpose()?)
        }
        Query::Summary { device, file } => {
            let found = files::find(connection, device, file)?;
            StoreReply::Summary(found.ok_or(StoreError::NotFound)?.totals.summary)
        }
        Query::ListFiles {
            device,
            after,
            limit,
        } => StoreReply::Files(files::list(connection, device, after.as_ref(), *limit)?),
        Query::Snapshot { device, file } => {
            let hold = shared.holds.hold((device.clone(), file.clone()));
            StoreReply::Snapshot(segments::snapshot(connection, device, file, hold)?)
        }
    })
}
