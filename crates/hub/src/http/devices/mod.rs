//! The devices of the hub: `/api/v1/devices`.

mod item;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use fleetlink_core::{
    AccountOrder, AdminReply, AdminRequest, Caller, PresenceChoice, SessionChoice, SessionId,
    SessionStatus,
};
use fleetlink_proto::DeviceName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use self::item::DeviceItem;
use super::Http;
use super::access::tagged_weakly;
use super::auth::Authenticated;
use super::data::subject::{OfDevice, parse_device};
use super::extract::{Fields, Segments};
use super::limits::PAGE_ITEMS;
use super::problem::{Problem, ProblemDocument};
use super::texts::DeviceText;
use crate::driver::wall_time;
use crate::operator::random_key;
use crate::store::DeviceChoice;

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
    params(DevicesPage,
        ("If-None-Match" = Option<String>, Header, description = "The tag of a page that the client has.")),
    responses(
        (status = 200, body = Devices),
        (status = 304, description = "The page is as the client has it, but for the times at which present devices were seen and the traffic."),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    Fields(page): Fields<DevicesPage>,
) -> Result<Response, Problem> {
    let limit = page.limit.unwrap_or(PAGE_ITEMS);
    if !(1..=PAGE_ITEMS).contains(&limit) {
        let why = format!("limit is a number from 1 to {PAGE_ITEMS}");
        return Err(Problem::bad_request(why));
    }
    let after = page.after.as_deref().map(parse_device).transpose()?;
    let search = page.search.unwrap_or_default().to_ascii_lowercase();
    // The core decides here whether the caller may look.
    http.presences(&caller, PresenceChoice::Of(Vec::new()))
        .await?;
    // One more than is wanted tells whether there is another page.
    let range = Range {
        after,
        search,
        limit: limit + 1,
    };
    let mut items = match page.state {
        Some(StateFilter::Present) => http.present_devices(&caller, range).await?,
        state => http.known_devices(&caller, range, state).await?,
    };
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(DeviceItem::name);
    let devices = Devices { items, next };
    tagged_weakly(&headers, devices, |devices| {
        let now = wall_time().to_string();
        devices.items.iter_mut().for_each(|item| item.finish(&now));
    })
}

/// Tells about one device.
#[utoipa::path(get, path = "/api/v1/devices/{device}", tag = "devices", operation_id = "get_device",
    params(("device" = inline(DeviceText), Path),
        ("If-None-Match" = Option<String>, Header, description = "The tag of the device as the client has it.")),
    responses(
        (status = 200, body = DeviceItem),
        (status = 304, description = "The device is as the client has it, but for the time at which it was seen and its traffic."),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn one(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    headers: HeaderMap,
    OfDevice(device): OfDevice,
) -> Result<Response, Problem> {
    // The core decides here whether the caller may look.
    http.presences(&caller, PresenceChoice::Of(Vec::new()))
        .await?;
    let named = DeviceChoice::Named(vec![device.clone()]);
    let stored = http.stored(named).await?;
    let item = http.shown(&caller, stored).await?.pop();
    let item = item.ok_or_else(|| no_account(&device))?;
    tagged_weakly(&headers, item, |item| {
        item.finish(&wall_time().to_string());
    })
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
    http.need_account(&device).await?;
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

    /// Refuses the name of a device without an account, letter for letter.
    async fn need_account(&self, name: &DeviceName) -> Result<(), Problem> {
        let named = DeviceChoice::Named(vec![name.clone()]);
        match self.stored(named).await?.devices.is_empty() {
            true => Err(no_account(name)),
            false => Ok(()),
        }
    }

    /// The devices of a range that are present.
    async fn present_devices(
        &self,
        caller: &Caller,
        range: Range,
    ) -> Result<Vec<DeviceItem>, Problem> {
        let choice = PresenceChoice::Present {
            after: range.after,
            search: range.search.into(),
            limit: range.limit,
        };
        let present = self.presences(caller, choice).await?;
        let names = present.devices.into_iter().map(|device| device.name);
        let stored = self.stored(DeviceChoice::Named(names.collect())).await?;
        let mut items = self.shown(caller, stored).await?;
        // One may have gone meanwhile.
        items.retain(DeviceItem::is_present);
        Ok(items)
    }

    /// The devices of a range, or those of them that are absent.
    async fn known_devices(
        &self,
        caller: &Caller,
        range: Range,
        state: Option<StateFilter>,
    ) -> Result<Vec<DeviceItem>, Problem> {
        let Range {
            mut after,
            search,
            limit,
        } = range;
        let mut items = Vec::new();
        loop {
            let page = DeviceChoice::Page {
                after,
                search: search.clone(),
                limit: u32::try_from(limit).unwrap_or(u32::MAX),
            };
            let stored = self.stored(page).await?;
            let is_last = stored.devices.len() < limit;
            after = stored.devices.last().map(|last| last.name.clone());
            let mut shown = self.shown(caller, stored).await?;
            if state == Some(StateFilter::Absent) {
                shown.retain(|item| !item.is_present());
            }
            items.append(&mut shown);
            if is_last || items.len() >= limit {
                return Ok(items);
            }
        }
    }
}

/// Devices by name.
struct Range {
    after: Option<DeviceName>,
    /// In small letters.
    search: String,
    limit: usize,
}

fn no_account(name: &DeviceName) -> Problem {
    Problem::not_found(format!("there is no account {name}"))
}
