//! The hub itself: `/api/v1/hub`.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use fleetlink_core::{Query, StoreCall, StoreReply};
use serde::Serialize;
use utoipa::ToSchema;

use super::Http;
use super::auth::Authenticated;
use super::data::of_store;
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
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StoreSize {
    bytes: u64,
    /// Free bytes of its disk.
    free_bytes: Option<u64>,
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
    let folder = http.facts.data.clone();
    let measuring = tokio::task::spawn_blocking(move || size_of(&folder)).await;
    let store = measuring.map_err(|_| Problem::odd_reply())?;
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

/// Blocks.
fn size_of(folder: &Path) -> StoreSize {
    let disk = rustix::fs::statvfs(folder).ok();
    StoreSize {
        bytes: bytes_in(folder),
        free_bytes: disk.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
    }
}

/// The bytes of all files below a folder; those that go meanwhile do not count.
fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_in(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
