//! The hub and its devices, as the operator is told of them.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use fleetlink_core::{
    AdminReply, AdminRequest, Capacity, PresenceChoice, Query, StoreCall, StoreReply,
};
use fleetlink_proto::{DataFile, DeviceName, HubPin, WallTime};
use serde::{Deserialize, Serialize};

use super::Desk;
use crate::driver::wall_time;
use crate::http::KnownSize;
use crate::metrics::Meters;
use crate::seen::{SeenDevice, combine, names_of};
use crate::store::DeviceChoice;
use crate::traffic::Traffic;

/// Devices of a page.
const PAGE: u32 = 200;
/// Names that are locked out, at most.
const LOCK_OUTS: usize = 100;

/// The parts of a running hub of which its operator is told.
pub(crate) struct Running {
    pub(crate) started: WallTime,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) pin: Option<HubPin>,
    pub(crate) capacity: Capacity,
    pub(crate) data: PathBuf,
    pub(crate) traffic: Traffic,
    pub(crate) meters: Arc<Meters>,
    pub(crate) size: KnownSize,
}

/// A running hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusInfo {
    pub version: String,
    pub started: WallTime,
    pub now: WallTime,
    /// The address for devices.
    pub address: String,
    /// The address of the page.
    pub page: Option<String>,
    /// The pin of the hub's key; none without TLS.
    pub pin: Option<HubPin>,
    /// Devices that are present.
    pub present: usize,
    /// Devices that have an account.
    pub known: u64,
    /// Open connections of devices, and how many may be.
    pub sessions: usize,
    pub max_sessions: usize,
    /// Counts since the start.
    pub counts: CountsInfo,
    /// Bytes of the data folder, and free ones of its disk.
    pub store_bytes: u64,
    pub free_bytes: Option<u64>,
    /// Names that are locked out, the first hundred.
    pub locked_out: Vec<String>,
}

/// Counts since the start of a hub.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountsInfo {
    pub uploads: u64,
    pub uploaded_bytes: u64,
    pub uploaded_samples: u64,
    /// Bytes from devices and by HTTP.
    pub received_bytes: u64,
    /// Bytes to devices and by HTTP.
    pub sent_bytes: u64,
    /// Calls that a limit of the hub has refused.
    pub refused_busy: u64,
    /// Connections that a limit of the hub has closed.
    pub refused_connections: u64,
    /// Lines of the console and places in the live feed that were lost.
    pub dropped: u64,
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    pub name: DeviceName,
    /// Since when and from where it is present.
    pub joined: Option<WallTime>,
    pub address: Option<IpAddr>,
    pub first_seen: Option<WallTime>,
    pub last_seen: Option<WallTime>,
    pub heartbeat: Option<String>,
    pub sessions: usize,
    pub data_files: u64,
    pub bytes: u64,
    pub received_bytes: u64,
    pub sent_bytes: u64,
    /// The last sample of the data file that was changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<LatestInfo>,
}

/// The last sample of a data file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatestInfo {
    pub file: DataFile,
    /// The exact value.
    pub value: String,
    /// Its time, where the samples have times.
    pub time: Option<String>,
}

impl From<SeenDevice> for DeviceInfo {
    fn from(seen: SeenDevice) -> Self {
        let joined = seen.presence.joined;
        DeviceInfo {
            joined: joined.map(|(since, _)| since),
            address: joined.map(|(_, address)| address),
            first_seen: seen.first_seen(),
            last_seen: match seen.is_seen() {
                true => Some(seen.at()),
                false => seen.last_seen(),
            },
            heartbeat: seen.heartbeat(),
            sessions: seen.presence.sessions,
            data_files: seen.stored.data_files,
            bytes: seen.stored.bytes,
            received_bytes: seen.bytes.received,
            sent_bytes: seen.bytes.sent,
            latest: seen.stored.latest.map(|(file, last)| LatestInfo {
                file,
                value: last.value.to_string(),
                time: last.time.map(|time| time.to_string()),
            }),
            name: seen.stored.name,
        }
    }
}

impl Desk {
    fn running(&self) -> Result<&Running, String> {
        let running = self.running.as_deref();
        running.ok_or_else(|| "no hub runs on these data".to_owned())
    }

    pub(super) async fn status(&self) -> Result<StatusInfo, String> {
        let running = self.running()?;
        let now = wall_time();
        let totals = self
            .store
            .execute(StoreCall::Query(Query::Totals { at: now }));
        let known = match totals.await.map_err(|error| error.to_string())? {
            StoreReply::Totals(totals) => totals.accounts,
            _ => return Err("the store answered another question".to_owned()),
        };
        let locked_out = match self.driver.admin(AdminRequest::ListLockOuts).await? {
            AdminReply::LockOuts(names) => names,
            _ => Vec::new(),
        };
        let size = running.size.find(&running.data).await;
        let meters = &running.meters;
        Ok(StatusInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: running.started,
            now,
            address: running.address.to_string(),
            page: self.hub_state.page(),
            pin: running.pin,
            present: meters.present.get(),
            known,
            sessions: meters.sessions.get(),
            max_sessions: running.capacity.sessions,
            counts: counts(running),
            store_bytes: size.map_or(0, |size| size.bytes),
            free_bytes: size.and_then(|size| size.free_bytes),
            locked_out: locked_out
                .into_iter()
                .take(LOCK_OUTS)
                .map(|status| status.name.into())
                .collect(),
        })
    }

    pub(super) async fn devices(
        &self,
        after: Option<DeviceName>,
    ) -> Result<Vec<DeviceInfo>, String> {
        let running = self.running()?;
        let choice = DeviceChoice::Page {
            after,
            search: String::new(),
            limit: PAGE,
        };
        let stored = self.store.devices(choice).await;
        let stored = stored.map_err(|error| error.to_string())?;
        let choice = PresenceChoice::Of(names_of(&stored));
        let listed = self.driver.admin(AdminRequest::ListPresences(choice));
        let AdminReply::Presences(presences) = listed.await? else {
            return Err("the hub gave another reply".to_owned());
        };
        let seen = combine(stored, presences, &running.traffic);
        Ok(seen.into_iter().map(DeviceInfo::from).collect())
    }
}

fn counts(running: &Running) -> CountsInfo {
    let (control, http) = (running.traffic.control.get(), running.traffic.http.get());
    let meters = running.meters.summary();
    CountsInfo {
        received_bytes: control.received + http.received,
        sent_bytes: control.sent + http.sent,
        ..meters
    }
}
