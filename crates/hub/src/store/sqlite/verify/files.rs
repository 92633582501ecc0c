//! The files beside the database: each belongs to a row. And the hub's key.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::super::beside::Beside;
use super::super::folder::{SEGMENTS, is_in_use, segment_id};
use super::VerifyError;
use super::report::Report;
use crate::identity;
use crate::watch::Watch;

/// The time for which a file that no row names is watched beside a running hub.
const WATCHED: Duration = Duration::from_secs(10);
/// Files that are younger than this may belong to an upload that is being committed.
const YOUNG: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Files that are watched, at most; of more, the rest are faults at once.
const MOST: usize = 10_000;

const ORPHAN_REMEDY: &str = "start the hub, which moves it to segments/orphaned; if the database was \
    replaced by an older one, restore the hub from a newer backup";
const KEY_REMEDY: &str =
    "restore hub.key from a backup; without it the hub is another one to every device";

pub(super) fn check(store: &Beside, report: &Report, watch: &Watch) -> Result<(), VerifyError> {
    let folder = store.root().join(SEGMENTS);
    let mut strays = BTreeMap::new();
    let entries = fs::read_dir(&folder).map_err(io_at(&folder))?;
    for entry in entries {
        watch.check()?;
        let entry = entry.map_err(io_at(&folder))?;
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(segment_id) else {
            if name != "orphaned" {
                let place = format!("{SEGMENTS}/{}", name.to_string_lossy().escape_debug());
                report.note(format!("{place} is none of the store's files"));
            }
            continue;
        };
        if is_named(store, id)? {
            continue;
        }
        match strays.len() < MOST {
            true => drop(strays.insert(id, entry.path())),
            false => orphan(report, id),
        }
    }
    orphans(store, strays, report, watch)?;
    moved_aside(store.root(), report);
    key(store, store.root(), report)
}

/// A row names it, or notes that it goes.
fn is_named(store: &Beside, id: u64) -> Result<bool, VerifyError> {
    let select = "SELECT EXISTS (SELECT 1 FROM segments WHERE id = ?1) \
                  OR EXISTS (SELECT 1 FROM former_segments WHERE id = ?1)";
    let mut select = store.connection.prepare_cached(select)?;
    Ok(select.query_row([id], |row| row.get(0))?)
}

/// Beside a running hub a file may belong to an upload or a merge that is being committed: it goes or
/// gets its row within a moment.
fn orphans(
    store: &Beside,
    mut strays: BTreeMap<u64, PathBuf>,
    report: &Report,
    watch: &Watch,
) -> Result<(), VerifyError> {
    let until = Instant::now() + WATCHED;
    let is_running = is_in_use(store.root());
    while is_running && !strays.is_empty() && Instant::now() < until {
        watch.check()?;
        thread::sleep(LOOK_AGAIN);
        let mut left = BTreeMap::new();
        for (id, path) in strays {
            if fs::exists(&path).unwrap_or(true) && !is_named(store, id)? {
                left.insert(id, path);
            }
        }
        strays = left;
    }
    for (id, path) in strays {
        match is_running && is_young(&path) {
            true => report.note(format!("{SEGMENTS}/{id} is not committed yet")),
            false => orphan(report, id),
        }
    }
    Ok(())
}

fn orphan(report: &Report, id: u64) {
    let fault = "no data file has it: it is of an upload that was not committed, or is newer than the \
                 database";
    report.fault("orphan", format!("{SEGMENTS}/{id}"), fault, ORPHAN_REMEDY);
}

/// Whether it got its name a moment ago.
fn is_young(path: &Path) -> bool {
    let Ok(found) = fs::metadata(path) else {
        return true;
    };
    #[cfg(unix)]
    let changed = {
        use std::os::unix::fs::MetadataExt as _;
        let seconds = u64::try_from(found.ctime()).unwrap_or(0);
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    };
    #[cfg(not(unix))]
    let changed = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let age = SystemTime::now().duration_since(changed);
    age.map_or(true, |age| age < YOUNG)
}

fn moved_aside(root: &Path, report: &Report) {
    let orphaned = fs::read_dir(root.join(SEGMENTS).join("orphaned"));
    let count = orphaned.map_or(0, Iterator::count);
    if count > 0 {
        report.note(format!(
            "{count} files in segments/orphaned were moved aside at an earlier start; remove them if \
             nothing is missing"
        ));
    }
}

/// A store that a hub has used has its key.
pub(super) fn key(store: &Beside, folder: &Path, report: &Report) -> Result<(), VerifyError> {
    match identity::inspect(folder) {
        Ok(Some(_)) => {}
        Ok(None) => {
            let used = "SELECT EXISTS (SELECT 1 FROM journal) OR \
                        EXISTS (SELECT 1 FROM accounts WHERE device_key IS NOT NULL)";
            if store.connection.query_row(used, [], |row| row.get(0))? {
                report.fault("key", "hub.key", "it is missing", KEY_REMEDY);
            }
        }
        Err(error) => report.fault("key", "hub.key", error.to_string(), KEY_REMEDY),
    }
    Ok(())
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> VerifyError {
    let path = path.display().to_string();
    move |error| VerifyError::Io {
        path: path.clone(),
        error,
    }
}
