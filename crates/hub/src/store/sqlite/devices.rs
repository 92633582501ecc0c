//! Devices with what is known of them: a page of them by one query, named ones by one query each.

use fleetlink_proto::samples::LastSample;
use fleetlink_proto::{DataFile, DeviceName, WallTime};
use rusqlite::{Connection, Params, Row, params};

use super::super::{DeviceChoice, StoredDevice, StoredDevices};
use super::accounts::stored_key;
use super::error::{OpError, damaged};
use super::latest::Latest;
use super::{data_file, sightings};

/// The devices of a choice.
pub(super) fn find(
    connection: &Connection,
    choice: &DeviceChoice,
) -> Result<StoredDevices, OpError> {
    let mut devices = Vec::new();
    match choice {
        DeviceChoice::Named(names) => {
            for name in names {
                let wanted = "a.name = ?1";
                select(connection, wanted, "", params![name.as_str()], &mut devices)?;
            }
        }
        DeviceChoice::Page {
            after,
            search,
            limit,
        } => {
            // No name is empty.
            let after = after.as_ref().map_or("", DeviceName::as_str);
            let wanted = "a.name > ?1 AND (?2 = '' OR instr(a.folded, ?2) > 0)";
            let values = params![after, search, limit];
            select(connection, wanted, "LIMIT ?3", values, &mut devices)?;
        }
    }
    let (alive, ran) = sightings::uptime_of(connection)?;
    Ok(StoredDevices {
        alive,
        ran,
        devices,
    })
}

fn select(
    connection: &Connection,
    wanted: &str,
    limit: &str,
    values: impl Params,
    devices: &mut Vec<StoredDevice>,
) -> Result<(), OpError> {
    // The file and its last sample are of the row that has the maximum.
    let sql = format!(
        "SELECT {}, a.name, a.created_ms, a.device_key, a.enrolled_ms,
         count(f.device), coalesce(sum(f.bytes), 0), max(f.changed_ms), f.file, f.latest
         FROM accounts a LEFT JOIN sightings s ON s.device = a.name
         LEFT JOIN files f ON f.device = a.name
         WHERE {wanted} GROUP BY a.name ORDER BY a.name {limit}",
        sightings::COLUMNS
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query(values)?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(7)?;
        devices.push(StoredDevice {
            name: name
                .parse()
                .map_err(|_| damaged("the name of an account"))?,
            created: WallTime::from_unix_millis(row.get(8)?),
            key: stored_key(row.get(9)?, row.get(10)?)?,
            sighting: sightings::read(row, 0)?,
            data_files: row.get(11)?,
            bytes: row.get(12)?,
            latest: match row.get::<_, Option<i64>>(13)? {
                Some(_) => last_of(row)?,
                None => None,
            },
        });
    }
    Ok(())
}

/// The data file of the row, and its last sample.
fn last_of(row: &Row<'_>) -> Result<Option<(DataFile, LastSample)>, OpError> {
    let (file, latest): (_, Latest) = (data_file::read(row, 14)?, row.get(15)?);
    Ok(latest.sample().map(|last| (file, last)))
}
