//! The tables of when devices were there, and of when the hub ran.

use fleetlink_core::{Course, HalfHours, Sighting, SightingNote, SightingNotes};
use fleetlink_proto::{DeviceName, WallTime};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::{OpError, damaged};

/// The columns of a sighting, as [`read`] takes them.
pub(super) const COLUMNS: &str =
    "s.first_ms, s.last_ms, s.is_seen, s.is_present, s.since_ms, s.present, s.absent";

/// The time for which the hub ran, as far as that is written down.
#[derive(Debug, Clone, Copy, Default)]
struct Uptime {
    alive: Option<WallTime>,
    ran: HalfHours,
}

/// Writes down what has happened. Notes of a device that has no account any more are left out.
pub(super) fn note(connection: &Connection, notes: &SightingNotes) -> Result<(), OpError> {
    let mut uptime = uptime(connection)?;
    if uptime.ran.are_ahead_of(notes.at) {
        uptime.ran.forget_after(notes.at);
        change_all(connection, "", |sighting| sighting.forget_after(notes.at))?;
    }
    if let Some(begun) = notes.begun {
        let alive = uptime.alive.unwrap_or(begun).min(begun);
        let open = "WHERE is_seen OR is_present";
        change_all(connection, open, |sighting| sighting.end_run(alive, begun))?;
    }
    for (device, note) in &notes.devices {
        note_one(connection, device, note)?;
    }
    uptime.ran.add(notes.ran);
    let mut put = connection.prepare_cached(
        "INSERT INTO hub_uptime (one, alive_ms, ran) VALUES (1, ?1, ?2)
         ON CONFLICT (one) DO UPDATE SET alive_ms = excluded.alive_ms, ran = excluded.ran",
    )?;
    put.execute(params![notes.at.unix_millis(), uptime.ran.to_bytes()])?;
    Ok(())
}

/// The time at which a hub wrote down last that it runs, and the half hours in which one ran.
pub(super) fn uptime_of(connection: &Connection) -> Result<(Option<WallTime>, HalfHours), OpError> {
    let Uptime { alive, ran } = uptime(connection)?;
    Ok((alive, ran))
}

fn uptime(connection: &Connection) -> Result<Uptime, OpError> {
    let mut select = connection.prepare_cached("SELECT alive_ms, ran FROM hub_uptime")?;
    let row = select.query_row([], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
    });
    let Some((alive, ran)) = row.optional()? else {
        return Ok(Uptime::default());
    };
    Ok(Uptime {
        alive: Some(WallTime::from_unix_millis(alive)),
        ran: half_hours(ran)?,
    })
}

fn note_one(
    connection: &Connection,
    device: &DeviceName,
    note: &SightingNote,
) -> Result<(), OpError> {
    let select = format!("SELECT {COLUMNS} FROM sightings s WHERE s.device = ?1");
    let mut select = connection.prepare_cached(&select)?;
    let found = select.query_row([device.as_str()], |row| Ok(read(row, 0)));
    let sighting = match found.optional()?.transpose()?.flatten() {
        Some(mut sighting) => {
            sighting.add(note);
            sighting
        }
        None => Sighting::begin(note),
    };
    put(connection, device.as_str(), &sighting)
}

/// Changes all sightings of a condition.
fn change_all(
    connection: &Connection,
    condition: &str,
    change: impl Fn(&mut Sighting),
) -> Result<(), OpError> {
    let select = format!("SELECT {COLUMNS}, s.device FROM sightings s {condition}");
    let mut select = connection.prepare_cached(&select)?;
    let mut rows = select.query([])?;
    let mut changed = Vec::new();
    while let Some(row) = rows.next()? {
        if let Some(mut sighting) = read(row, 0)? {
            change(&mut sighting);
            changed.push((row.get::<_, String>(7)?, sighting));
        }
    }
    let mut changed = changed.iter();
    changed.try_for_each(|(device, sighting)| put(connection, device, sighting))
}

fn put(connection: &Connection, device: &str, sighting: &Sighting) -> Result<(), OpError> {
    // An account that was removed meanwhile has none.
    let mut put = connection.prepare_cached(
        "INSERT INTO sightings
         (device, first_ms, last_ms, is_seen, is_present, since_ms, present, absent)
         SELECT name, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM accounts WHERE name = ?1
         ON CONFLICT (device) DO UPDATE SET first_ms = excluded.first_ms,
         last_ms = excluded.last_ms, is_seen = excluded.is_seen,
         is_present = excluded.is_present, since_ms = excluded.since_ms,
         present = excluded.present, absent = excluded.absent",
    )?;
    let course = &sighting.course;
    put.execute(params![
        device,
        sighting.first.unix_millis(),
        sighting.last.unix_millis(),
        sighting.is_seen,
        course.is_present,
        course.since.unix_millis(),
        course.present.to_bytes(),
        course.absent.to_bytes(),
    ])?;
    Ok(())
}

/// The sighting whose columns begin at this one; `None` where there is none.
pub(super) fn read(row: &Row<'_>, column: usize) -> Result<Option<Sighting>, OpError> {
    let time = |column| row.get(column).map(WallTime::from_unix_millis);
    if row.get::<_, Option<i64>>(column)?.is_none() {
        return Ok(None);
    }
    Ok(Some(Sighting {
        first: time(column)?,
        last: time(column + 1)?,
        is_seen: row.get(column + 2)?,
        course: Course {
            is_present: row.get(column + 3)?,
            since: time(column + 4)?,
            present: half_hours(row.get(column + 5)?)?,
            absent: half_hours(row.get(column + 6)?)?,
        },
    }))
}

fn half_hours(bytes: Vec<u8>) -> Result<HalfHours, OpError> {
    let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| damaged("the half hours of a device"))?;
    Ok(HalfHours::from_bytes(bytes))
}
