//! A device as the API shows it.

use fleetlink_core::{AdminReply, AdminRequest, Caller, PresenceChoice, Presences};
use fleetlink_proto::DataFile;
use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::samples::LastSample;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::Http;
use crate::http::data::of_store;
use crate::http::problem::Problem;
use crate::seen::{SeenDevice, combine, names_of};
use crate::store::{DeviceChoice, StoredDevices};
use crate::traffic::Bytes;

/// A device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Device")]
pub(crate) struct DeviceItem {
    name: String,
    present: bool,
    /// From where it has joined.
    address: Option<String>,
    /// Since when it is present.
    joined: Option<String>,
    /// The time of its first authenticated call; null where the hub has seen none.
    first_seen: Option<String>,
    /// The present time while it has a session; else the end of its last session, or its last
    /// authenticated call. Null where the hub has seen none.
    last_seen: Option<String>,
    /// A sign for each of the last 48 half hours, the oldest first: `2` present for as long as the hub
    /// ran, `1` for a part of it, `0` absent, `-` not known. Null where the hub has never seen it.
    #[schema(min_length = 48, max_length = 48)]
    heartbeat: Option<String>,
    /// The bytes of its sessions and HTTP requests since the hub started.
    traffic: TrafficItem,
    key: Option<EnrolledKeyItem>,
    sessions: usize,
    data_files: u64,
    bytes: u64,
    /// The last sample of the data file that was changed last.
    latest: Option<LatestOfDevice>,
    /// The bytes that [`DeviceItem::finish`] shows as its traffic.
    #[serde(skip)]
    moved: Bytes,
    /// Whether it has a session, so that it is being seen.
    #[serde(skip)]
    is_seen: bool,
}

/// The last sample of a device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Latest")]
pub(crate) struct LatestOfDevice {
    file: String,
    /// The exact value.
    value: String,
    /// Its time, where the samples have times.
    time: Option<String>,
}

impl From<(DataFile, LastSample)> for LatestOfDevice {
    fn from((file, last): (DataFile, LastSample)) -> Self {
        LatestOfDevice {
            file: file.to_string(),
            value: last.value.to_string(),
            time: last.time.map(|time| time.to_string()),
        }
    }
}

/// Bytes from and to a device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Traffic")]
pub(crate) struct TrafficItem {
    /// From the device.
    received: u64,
    /// To the device.
    sent: u64,
}

/// A device's key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnrolledKeyItem {
    fingerprint: String,
    since: String,
}

impl From<&EnrolledKey> for EnrolledKeyItem {
    fn from(enrolled: &EnrolledKey) -> Self {
        EnrolledKeyItem {
            fingerprint: enrolled.key.to_string(),
            since: enrolled.enrolled.to_string(),
        }
    }
}

impl From<Bytes> for TrafficItem {
    fn from(Bytes { received, sent }: Bytes) -> Self {
        TrafficItem { received, sent }
    }
}

impl From<SeenDevice> for DeviceItem {
    fn from(seen: SeenDevice) -> Self {
        let (joined, is_seen) = (seen.presence.joined, seen.is_seen());
        DeviceItem {
            name: seen.stored.name.to_string(),
            present: joined.is_some(),
            address: joined.map(|(_, address)| address.to_string()),
            joined: joined.map(|(since, _)| since.to_string()),
            first_seen: seen.first_seen().map(|first| first.to_string()),
            last_seen: seen.last_seen().map(|last| last.to_string()),
            heartbeat: seen.heartbeat(),
            traffic: Bytes::default().into(),
            moved: seen.bytes,
            key: seen.stored.key.as_ref().map(EnrolledKeyItem::from),
            sessions: seen.presence.sessions,
            data_files: seen.stored.data_files,
            bytes: seen.stored.bytes,
            latest: seen.stored.latest.map(LatestOfDevice::from),
            is_seen,
        }
    }
}

impl DeviceItem {
    /// Adds its traffic, and that a device that has a session is seen now. Its tag is made before: it
    /// would be another one each time.
    pub(super) fn finish(&mut self, now: &str) {
        self.traffic = self.moved.into();
        if self.is_seen {
            self.last_seen = Some(now.to_owned());
        }
    }

    pub(super) fn name(&self) -> String {
        self.name.clone()
    }

    pub(super) fn is_present(&self) -> bool {
        self.present
    }
}

impl Http {
    /// The presence of some devices, if the caller may look.
    pub(in crate::http) async fn presences(
        &self,
        caller: &Caller,
        choice: PresenceChoice,
    ) -> Result<Presences, Problem> {
        match self
            .ask(caller, AdminRequest::ListPresences(choice))
            .await?
        {
            AdminReply::Presences(presences) => Ok(presences),
            _ => Err(Problem::odd_reply()),
        }
    }

    /// The stored devices of a choice.
    pub(super) async fn stored(&self, choice: DeviceChoice) -> Result<StoredDevices, Problem> {
        self.store.devices(choice).await.map_err(of_store)
    }

    /// Shows stored devices as they are now.
    pub(super) async fn shown(
        &self,
        caller: &Caller,
        stored: StoredDevices,
    ) -> Result<Vec<DeviceItem>, Problem> {
        let choice = PresenceChoice::Of(names_of(&stored));
        let presences = self.presences(caller, choice).await?;
        let seen = combine(stored, presences, &self.traffic);
        Ok(seen.into_iter().map(DeviceItem::from).collect())
    }
}
