//! Holding devices to their quotas. The commit decides, in its transaction, so no two uploads get the same
//! room; the opening and the bytes that arrive are refused sooner.

use fleetlink_core::{StoreError, UploadChange};
use fleetlink_proto::control::UploadMode;
use fleetlink_proto::{DataFile, DeviceName};
use rusqlite::Connection;

use super::error::OpError;
use super::files;
use crate::store::Quota;

/// The data of a device, and those of one of its files.
struct Used {
    bytes: u64,
    data_files: u64,
    /// Of the file, if it is there.
    of_file: Option<u64>,
}

fn used(connection: &Connection, device: &DeviceName, file: &DataFile) -> Result<Used, OpError> {
    let select = "SELECT coalesce(sum(bytes), 0), count(*) FROM files WHERE device = ?1";
    let mut select = connection.prepare_cached(select)?;
    let (bytes, data_files) =
        select.query_row([device.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let found = files::find(connection, device, file)?;
    Ok(Used {
        bytes,
        data_files,
        of_file: found.map(|found| found.totals.bytes),
    })
}

/// The bytes that an upload may have, or the refusal where it can have none.
pub(super) fn room(
    connection: &Connection,
    quota: Quota,
    upload: &UploadChange,
) -> Result<u64, OpError> {
    if quota == Quota::default() {
        return Ok(u64::MAX);
    }
    let used = used(connection, &upload.device, &upload.file)?;
    files_within(quota, &used)?;
    let Some(most) = quota.bytes else {
        return Ok(u64::MAX);
    };
    let of_file = used.of_file.unwrap_or(0);
    let room = match upload.mode {
        UploadMode::Append => most.saturating_sub(used.bytes),
        // One that is no larger than before is taken, also where the quota was lowered.
        UploadMode::Replace => most.saturating_sub(used.bytes - of_file).max(of_file),
    };
    match room {
        0 => Err(bytes_reached(most).into()),
        room => Ok(room),
    }
}

/// Refuses a commit after which the file has so many bytes.
pub(super) fn check(
    connection: &Connection,
    quota: Quota,
    (device, file): (&DeviceName, &DataFile),
    after: u64,
) -> Result<(), OpError> {
    if quota == Quota::default() {
        return Ok(());
    }
    let used = used(connection, device, file)?;
    files_within(quota, &used)?;
    let of_file = used.of_file.unwrap_or(0);
    let all = (used.bytes - of_file).saturating_add(after);
    match quota.bytes {
        Some(most) if all > most && after > of_file => Err(bytes_reached(most).into()),
        _ => Ok(()),
    }
}

fn files_within(quota: Quota, used: &Used) -> Result<(), OpError> {
    match quota.data_files {
        Some(most) if used.of_file.is_none() && used.data_files >= most => {
            let message = format!(
                "this device has reached its quota of {most} data files at the hub; delete some first"
            );
            Err(StoreError::Quota(message).into())
        }
        _ => Ok(()),
    }
}

/// The refusal of an upload that has more bytes than there is room for.
pub(super) fn no_room(room: u64) -> StoreError {
    StoreError::Quota(format!(
        "the quota of this device at the hub has room for {room} bytes, and the upload has more; delete \
         data files first"
    ))
}

fn bytes_reached(most: u64) -> StoreError {
    StoreError::Quota(format!(
        "the data of this device would be more than its quota of {most} bytes at the hub; delete some \
         first"
    ))
}
