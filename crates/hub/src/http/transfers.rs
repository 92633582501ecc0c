//! The files that go from device to device: `/api/v1/transfers`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use fleetlink_core::{
    AdminReply, AdminRequest, TransferChoice, TransferStanding, TransferState, TransferStatus,
};
use fleetlink_proto::WallTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Http;
use super::access::lists::{List, tagged};
use super::auth::Authenticated;
use super::data::subject::parse_device;
use super::extract::Fields;
use super::limits::PAGE_ITEMS;
use super::problem::{Problem, ProblemDocument};

/// Transfers by their state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TransferStateName {
    Running,
    Finished,
    Failed,
}

/// The page that is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TransfersPage {
    /// The member `next` of the page before.
    after: Option<String>,
    /// The items of the page, at most.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Only transfers from or to this device.
    device: Option<String>,
    /// Only transfers in this state.
    #[param(inline)]
    state: Option<TransferStateName>,
}

/// A file that goes, or went, from device to device, by its sender's word.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Transfer")]
pub(crate) struct TransferItem {
    /// Another one for each transfer, also after a restart of the hub.
    id: String,
    from: String,
    to: String,
    name: String,
    /// The size of the file.
    bytes: u64,
    /// Bytes that came to the receiver.
    done: u64,
    #[schema(inline)]
    state: TransferStateName,
    /// `direct` or `relayed`; null before there is a way.
    path: Option<&'static str>,
    /// The reason why it failed: a name of the transfer protocol, or `silent` where its sender is gone.
    reason: Option<&'static str>,
    /// The time at which the hub first heard of it.
    started: String,
    ended: Option<String>,
}

/// A transfer as the live feed tells it.
#[derive(Debug, Serialize)]
pub(crate) struct TransferEvent {
    at: String,
    #[serde(flatten)]
    item: TransferItem,
}

impl TransferEvent {
    /// The event of a hub whose ids begin with this.
    pub(crate) fn new(epoch: u64, status: &TransferStatus, at: WallTime) -> Self {
        TransferEvent {
            at: at.to_string(),
            item: TransferItem::new(epoch, status),
        }
    }
}

impl TransferItem {
    /// The transfer of a hub whose ids begin with this.
    fn new(epoch: u64, status: &TransferStatus) -> Self {
        let (state, reason) = match status.standing {
            TransferStanding::Running => (TransferStateName::Running, None),
            TransferStanding::Finished => (TransferStateName::Finished, None),
            TransferStanding::Failed(fault) => (TransferStateName::Failed, Some(fault.name())),
        };
        TransferItem {
            id: format!("{epoch}-{}", status.number),
            from: status.from.to_string(),
            to: status.to.to_string(),
            name: status.name.as_str().to_owned(),
            bytes: status.bytes,
            done: status.done,
            state,
            path: status.path.map(|path| path.name()),
            reason,
            started: status.started.to_string(),
            ended: status.ended.map(|ended| ended.to_string()),
        }
    }
}

impl TransfersPage {
    fn choice(&self) -> Result<TransferChoice, Problem> {
        let device = self.device.as_deref().map(parse_device).transpose()?;
        let number = |text: &str| {
            let number = text
                .rsplit('-')
                .next()
                .and_then(|number| number.parse().ok());
            number.ok_or_else(|| Problem::bad_request("after is the member next of a page"))
        };
        let state = self.state.map(|state| match state {
            TransferStateName::Running => TransferState::Running,
            TransferStateName::Finished => TransferState::Finished,
            TransferStateName::Failed => TransferState::Failed,
        });
        let before = self.after.as_deref().map(number).transpose()?;
        Ok(TransferChoice {
            device,
            state,
            before,
        })
    }
}

/// Lists the transfers between devices, the newest first: those under way and the last that are over.
#[utoipa::path(get, path = "/api/v1/transfers", tag = "transfers", operation_id = "list_transfers",
    params(TransfersPage),
    responses(
        (status = 200, body = List<TransferItem>),
        (status = 304, description = "It is still the one that the client has"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Fields(page): Fields<TransfersPage>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let limit = page.limit.unwrap_or(PAGE_ITEMS);
    if !(1..=PAGE_ITEMS).contains(&limit) {
        return Err(Problem::bad_request(format!("limit is 1 to {PAGE_ITEMS}")));
    }
    let request = AdminRequest::ListTransfers(page.choice()?);
    let AdminReply::Transfers(transfers) = http.calls.administer(caller, request).await? else {
        return Err(Problem::odd_reply());
    };
    let epoch = http.feed.epoch();
    let has_more = transfers.len() > limit;
    let items = transfers.iter().take(limit);
    let items: Vec<_> = items
        .map(|status| TransferItem::new(epoch, status))
        .collect();
    let next = items
        .last()
        .filter(|_| has_more)
        .map(|last| last.id.clone());
    tagged(&headers, &List { items, next })
}
