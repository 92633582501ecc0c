//! The devices of the hub: `/api/v1/devices`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use fleetlink_core::{
    Account, AccountOrder, AccountStatus, AdminReply, AdminRequest, Caller, Query, SessionChoice,
    SessionId, SessionStatus, StoreCall, StoreReply,
};
use fleetlink_proto::control::EnrolledKey;
use fleetlink_proto::control::limits::LISTED_AT_ONCE;
use fleetlink_proto::{DeviceName, WallTime};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Http;
use super::auth::Authenticated;
use super::data::of_store;
use super::data::subject::{OfDevice, parse_device};
use super::extract::{Fields, Segments};
use super::limits::PAGE_ITEMS;
use super::problem::{Problem, ProblemDocument};
use super::texts::DeviceText;
use crate::operator::random_key;

/// Data files that are counted at once.
const FILES_AT_ONCE: u32 = 1_000;

/// Devices by their state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StateFilter {
    Present,
    Absent,
}

/// The page that is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DevicesPage {
    /// The member `next` of the page before.
    #[param(value_type = Option<DeviceText>, inline)]
    after: Option<String>,
    /// The items of the page, at most.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Only devices in this state.
    #[param(inline)]
    state: Option<StateFilter>,
    /// Only devices whose name has this in it, in any case of letters.
    search: Option<String>,
}

/// A page of devices, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Devices {
    items: Vec<DeviceItem>,
    /// The value of `after` for the next page; null on the last one.
    next: Option<String>,
}

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
    /// The time at which its account was made.
    first_seen: Option<String>,
    /// The present time while it is present; null where the hub does not know.
    last_seen: Option<String>,
    key: Option<EnrolledKeyItem>,
    sessions: usize,
    data_files: u64,
    bytes: u64,
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

/// A page of a device's sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceSessions {
    items: Vec<DeviceSession>,
    /// Always null: they fit a page.
    next: Option<String>,
}

/// A session of a device.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeviceSession {
    id: u64,
    /// `joined` or `attached`.
    kind: &'static str,
    address: String,
    since: String,
    /// `key`, `password` or `token`.
    means: Option<&'static str>,
}

impl From<&SessionStatus> for DeviceSession {
    fn from(status: &SessionStatus) -> Self {
        use fleetlink_core::authorisation::Means;
        DeviceSession {
            id: status.session.0,
            kind: if status.joined { "joined" } else { "attached" },
            address: status.address.to_string(),
            since: status.since.to_string(),
            means: status.means.map(|means| match means {
                Means::Password => "password",
                Means::Key => "key",
                Means::Token => "token",
            }),
        }
    }
}

/// Lists the devices of the hub.
#[utoipa::path(get, path = "/api/v1/devices", tag = "devices", operation_id = "list_devices",
    params(DevicesPage),
    responses(
        (status = 200, body = Devices),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Fields(page): Fields<DevicesPage>,
) -> Result<Json<Devices>, Problem> {
    let limit = page.limit.unwrap_or(PAGE_ITEMS);
    if !(1..=PAGE_ITEMS).contains(&limit) {
        let why = format!("limit is a number from 1 to {PAGE_ITEMS}");
        return Err(Problem::bad_request(why));
    }
    let search = page.search.unwrap_or_default().to_ascii_lowercase();
    let is_wanted = |status: &AccountStatus| {
        let is_in_state = match page.state {
            None => true,
            Some(state) => status.active == (state == StateFilter::Present),
        };
        is_in_state && status.name.folded().contains(&search)
    };
    let mut after = page.after.as_deref().map(parse_device).transpose()?;
    let mut found: Vec<AccountStatus> = Vec::new();
    while found.len() <= limit {
        let request = AdminRequest::ListAccounts { after };
        let AdminReply::Accounts(accounts) = http.ask(&caller, request).await? else {
            return Err(Problem::odd_reply());
        };
        let is_last = (accounts.len() as u64) < u64::from(LISTED_AT_ONCE);
        after = accounts.last().map(|last| last.name.clone());
        found.extend(accounts.into_iter().filter(&is_wanted));
        if is_last {
            break;
        }
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let sessions = http.sessions_by_device(&caller).await?;
    let mut items = Vec::with_capacity(found.len());
    for status in &found {
        let own = sessions.get(&status.name).map_or(&[][..], Vec::as_slice);
        let known = (&status.name, status.created, status.key.as_ref());
        items.push(http.item(known, own).await?);
    }
    let next = found.last().filter(|_| more);
    let next = next.map(|status| status.name.to_string());
    Ok(Json(Devices { items, next }))
}

/// Tells about one device.
#[utoipa::path(get, path = "/api/v1/devices/{device}", tag = "devices", operation_id = "get_device",
    params(("device" = inline(DeviceText), Path)),
    responses(
        (status = 200, body = DeviceItem),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn one(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    OfDevice(device): OfDevice,
) -> Result<Json<DeviceItem>, Problem> {
    // The core decides here whether the caller may look.
    let sessions = http.sessions_by_device(&caller).await?;
    let account = http.account(&device).await?;
    let own = sessions.get(&device).map_or(&[][..], Vec::as_slice);
    let known = (&account.name, account.created, account.key.as_ref());
    Ok(Json(http.item(known, own).await?))
}

/// The extent of a removal.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RemovalFields {
    /// Whether its data files are deleted too; without this a device with data stays.
    #[serde(default)]
    data: bool,
}

/// Removes a device: its account, its sessions and, if that is asked for, its data.
#[utoipa::path(delete, path = "/api/v1/devices/{device}", tag = "devices",
    operation_id = "remove_device",
    params(("device" = inline(DeviceText), Path), RemovalFields),
    responses(
        (status = 204, description = "It is removed."),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn remove(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    OfDevice(name): OfDevice,
    Fields(RemovalFields { data }): Fields<RemovalFields>,
) -> Result<StatusCode, Problem> {
    let key = random_key().map_err(|_| Problem::odd_reply())?;
    let order = AccountOrder::Remove {
        with_data: data,
        key,
    };
    http.ask(&caller, AdminRequest::Change { name, order })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the open sessions of a device.
#[utoipa::path(get, path = "/api/v1/devices/{device}/sessions", tag = "devices",
    operation_id = "list_sessions",
    params(("device" = inline(DeviceText), Path)),
    responses(
        (status = 200, body = DeviceSessions),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn sessions(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    OfDevice(device): OfDevice,
) -> Result<Json<DeviceSessions>, Problem> {
    let sessions = http.sessions_by_device(&caller).await?;
    http.account(&device).await?;
    let own = sessions.get(&device).map_or(&[][..], Vec::as_slice);
    let items = own.iter().map(DeviceSession::from).collect();
    Ok(Json(DeviceSessions { items, next: None }))
}

/// Ends a session of a device.
#[utoipa::path(delete, path = "/api/v1/devices/{device}/sessions/{id}", tag = "devices",
    operation_id = "end_device_session",
    params(("device" = inline(DeviceText), Path), ("id" = u64, Path)),
    responses(
        (status = 204, description = "It has ended."),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn end_session(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Segments((device, id)): Segments<(String, u64)>,
) -> Result<StatusCode, Problem> {
    let device = parse_device(&device)?;
    let session = SessionId(id);
    let sessions = http.sessions_by_device(&caller).await?;
    let own = sessions.get(&device).map_or(&[][..], Vec::as_slice);
    if own.iter().all(|status| status.session != session) {
        let why = format!("{device} has no session {id}");
        return Err(Problem::not_found(why));
    }
    let choice = SessionChoice::Number(session);
    http.ask(&caller, AdminRequest::EndSessions(choice)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Http {
    pub(super) async fn ask(
        &self,
        caller: &Caller,
        request: AdminRequest,
    ) -> Result<AdminReply, Problem> {
        Ok(self.calls.administer(caller.clone(), request).await?)
    }

    /// The open sessions that are logged in, if the caller may see them.
    pub(super) async fn sessions_by_device(
        &self,
        caller: &Caller,
    ) -> Result<HashMap<DeviceName, Vec<SessionStatus>>, Problem> {
        let AdminReply::Sessions(sessions) = self.ask(caller, AdminRequest::ListSessions).await?
        else {
            return Err(Problem::odd_reply());
        };
        let mut by_device: HashMap<DeviceName, Vec<SessionStatus>> = HashMap::new();
        for session in sessions {
            if let Some(device) = session.device.clone() {
                by_device.entry(device).or_default().push(session);
            }
        }
        Ok(by_device)
    }

    /// The account of this name, letter for letter.
    async fn account(&self, name: &DeviceName) -> Result<Account, Problem> {
        let query = StoreCall::Query(Query::Account { name: name.clone() });
        match self.store.execute(query).await.map_err(of_store)? {
            StoreReply::Account(Some(account)) if account.name == *name => Ok(account),
            StoreReply::Account(_) => {
                Err(Problem::not_found(format!("there is no account {name}")))
            }
            _ => Err(Problem::odd_reply()),
        }
    }

    async fn item(
        &self,
        (name, created, key): (&DeviceName, WallTime, Option<&EnrolledKey>),
        sessions: &[SessionStatus],
    ) -> Result<DeviceItem, Problem> {
        let joined = sessions.iter().find(|session| session.joined);
        let (data_files, bytes) = self.data_of(name).await?;
        let now = crate::driver::wall_time();
        Ok(DeviceItem {
            name: name.to_string(),
            present: joined.is_some(),
            address: joined.map(|session| session.address.to_string()),
            joined: joined.map(|session| session.since.to_string()),
            first_seen: Some(created.to_string()),
            last_seen: joined.map(|_| now.to_string()),
            key: key.map(EnrolledKeyItem::from),
            sessions: sessions.len(),
            data_files,
            bytes,
        })
    }

    /// The number of a device's data files, and their bytes.
    async fn data_of(&self, device: &DeviceName) -> Result<(u64, u64), Problem> {
        let (mut count, mut bytes, mut after) = (0, 0_u64, None);
        loop {
            let files = self.store.files(Some(device.clone()), after, FILES_AT_ONCE);
            let files = files.await.map_err(of_store)?;
            count += files.len() as u64;
            let of_page = files.iter().map(|(_, entry)| entry.bytes);
            bytes = bytes.saturating_add(of_page.sum());
            after = match files.last() {
                // A page that is not full is the last one.
                Some((device, last)) if files.len() as u64 >= u64::from(FILES_AT_ONCE) => {
                    Some((device.clone(), last.file.clone()))
                }
                _ => return Ok((count, bytes)),
            };
        }
    }
}
