//! The hub itself: `/api/v1/hub`.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use fleetlink_core::{Query, StoreCall, StoreReply};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use super::Http;
use super::auth::Authenticated;
use super::data::of_store;
use super::limits::SIZE_IS_KNOWN;
use super::problem::{Problem, ProblemDocument};

/// The hub.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Hub")]
pub(crate) struct HubDocument {
    version: &'static str,
    started: String,
    now: String,
    devices: DeviceCounts,
    /// Sessions that are logged in.
    sessions: usize,
    store: StoreSize,
    /// The pin of the hub's key at its start; empty without TLS.
    pin: String,
    /// The address for devices.
    address: String,
    limits: HubLimits,
}

/// The numbers of devices.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceCounts {
    present: usize,
    known: u64,
}

/// The size of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct StoreSize {
    pub(crate) bytes: u64,
    /// Free bytes of its disk.
    pub(crate) free_bytes: Option<u64>,
    /// The size of its disk.
    #[serde(skip)]
    pub(super) disk_bytes: Option<u64>,
    /// Segments that are files.
    #[serde(skip)]
    pub(super) segment_files: u64,
}

/// The hub's capacity.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HubLimits {
    sessions: usize,
    sessions_per_device: usize,
    sessions_per_source: usize,
    uploads: usize,
    downloads: usize,
}

/// Tells about the hub.
#[utoipa::path(get, path = "/api/v1/hub", tag = "hub", operation_id = "get_hub",
    responses(
        (status = 200, body = HubDocument),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn hub(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
) -> Result<Json<HubDocument>, Problem> {
    // The core decides here whether the caller may look.
    let sessions = http.sessions_by_device(&caller).await?;
    let at = crate::driver::wall_time();
    let totals = http.store.execute(StoreCall::Query(Query::Totals { at }));
    let StoreReply::Totals(totals) = totals.await.map_err(of_store)? else {
        return Err(Problem::odd_reply());
    };
    let store = http.size.find(&http.facts.data).await;
    let store = store.ok_or_else(Problem::odd_reply)?;
    let is_present = |own: &&Vec<_>| own.iter().any(|s: &fleetlink_core::SessionStatus| s.joined);
    let capacity = http.facts.capacity;
    let pin = http.facts.pin.as_ref();
    Ok(Json(HubDocument {
        version: env!("CARGO_PKG_VERSION"),
        started: http.facts.started.to_string(),
        now: at.to_string(),
        devices: DeviceCounts {
            present: sessions.values().filter(is_present).count(),
            known: totals.accounts,
        },
        sessions: sessions.values().map(Vec::len).sum(),
        store,
        pin: pin.map(ToString::to_string).unwrap_or_default(),
        address: http.facts.address.to_string(),
        limits: HubLimits {
            sessions: capacity.sessions,
            sessions_per_device: capacity.sessions_per_device,
            sessions_per_source: capacity.sessions_per_source,
            uploads: capacity.uploads,
            downloads: capacity.downloads,
        },
    }))
}

/// The size of the store as it was found last. It is looked for now and then, once for all who ask: the
/// folder may have very many files.
#[derive(Clone, Default)]
pub(crate) struct KnownSize(Arc<Mutex<Option<(Instant, StoreSize)>>>);

impl KnownSize {
    /// The size; none if it cannot be found out.
    pub(crate) async fn find(&self, folder: &Path) -> Option<StoreSize> {
        let (known, folder) = (Arc::clone(&self.0), folder.to_owned());
        // On its own: if the client goes, the search ends all the same, and the next one asks for it.
        let finding = tokio::spawn(async move {
            let mut known = known.lock().await;
            if let Some((at, size)) = *known
                && at.elapsed() < SIZE_IS_KNOWN
            {
                return Some(size);
            }
            let size = tokio::task::spawn_blocking(move || size_of(&folder));
            let size = size.await.ok()?;
            *known = Some((Instant::now(), size));
            Some(size)
        });
        finding.await.ok().flatten()
    }
}

/// Blocks.
fn size_of(folder: &Path) -> StoreSize {
    let disk = rustix::fs::statvfs(folder).ok();
    let disk = disk.as_ref();
    let (mut bytes, mut segment_files) = (0, 0);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let found = found(&entry);
        bytes += found.bytes;
        if entry.file_name() == "segments" {
            segment_files = found.files;
        }
    }
    StoreSize {
        bytes,
        segment_files,
        disk_bytes: disk.map(|disk| disk.f_blocks.saturating_mul(disk.f_frsize)),
        free_bytes: disk.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
    }
}

/// Files, and their bytes.
#[derive(Default)]
struct Found {
    files: u64,
    bytes: u64,
}

/// A file, or all files below a folder; those that go meanwhile do not count.
fn found(entry: &fs::DirEntry) -> Found {
    let mut sum = Found::default();
    match entry.metadata() {
        Ok(of) if of.is_dir() => {
            let entries = fs::read_dir(entry.path()).into_iter().flatten();
            for below in entries.flatten().map(|entry| found(&entry)) {
                sum.files += below.files;
                sum.bytes += below.bytes;
            }
        }
        Ok(of) => (sum.files, sum.bytes) = (u64::from(of.is_file()), of.len()),
        Err(_) => {}
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_folder_is_not_walked_at_every_question() {
        let folder = tempfile::tempdir().unwrap();
        let segments = folder.path().join("segments");
        fs::create_dir(&segments).unwrap();
        fs::write(segments.join("1"), "123").unwrap();
        fs::write(folder.path().join("a"), "12").unwrap();
        let size = KnownSize::default();
        let first = size.find(folder.path()).await.unwrap();
        assert_eq!((first.bytes, first.segment_files), (5, 1));
        fs::write(folder.path().join("b"), "12345").unwrap();
        let (second, third) = tokio::join!(size.find(folder.path()), size.find(folder.path()));
        assert_eq!((second.unwrap(), third.unwrap()), (first, first));
        *size.0.lock().await = None;
        assert_eq!(size.find(folder.path()).await.unwrap().bytes, 10);
    }
}
