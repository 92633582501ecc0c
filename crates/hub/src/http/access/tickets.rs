//! Join tickets: `/api/v1/tickets`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use fleetlink_core::{AdminReply, AdminRequest, TicketStanding, TicketStatus};
use fleetlink_proto::control::limits::{DEFAULT_TICKET_LIFE, TICKETS_LISTED_AT_ONCE};
use fleetlink_proto::ticket::{TicketNumber, TicketSubject};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::lists::{List, ListPage, tagged};
use super::{number, parse};
use crate::http::Http;
use crate::http::auth::Authenticated;
use crate::http::extract::{Document, Fields, Segments};
use crate::http::problem::{Problem, ProblemDocument};
use crate::http::texts::{DeviceText, NumberText, PrefixText};
use crate::operator::{DrawnTicket, TicketOrder, draw_ticket};

/// A join ticket, without its text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Ticket")]
pub(crate) struct TicketItem {
    number: u32,
    /// The device of the ticket; null if it is for a prefix.
    name: Option<String>,
    /// The prefix of new devices; null if it is for one name.
    prefix: Option<String>,
    /// `open`, `used`, `revoked` or `expired`.
    state: &'static str,
    /// The number of permitted uses.
    uses: u32,
    /// The uses that are left; none if it is not open.
    left: u32,
    used: Vec<TicketUseItem>,
    issued: String,
    expires: String,
    /// The time at which it was revoked; null if it was not.
    revoked: Option<String>,
}

/// A use of a ticket.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "TicketUse")]
pub(crate) struct TicketUseItem {
    /// The device that joined by it.
    device: String,
    at: String,
}

/// A ticket that was issued: the one time that its text is told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewTicket {
    number: u32,
    /// The text of the ticket.
    ticket: String,
    /// The command for the device.
    command: String,
    /// The addresses of the hub that the ticket names.
    addresses: Vec<String>,
    expires: String,
}

/// The settings of a new ticket: a name, or a prefix.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTicketOrder {
    /// The device of the ticket.
    #[schema(value_type = Option<DeviceText>)]
    name: Option<String>,
    /// The prefix of the names of new devices.
    #[schema(value_type = Option<PrefixText>)]
    prefix: Option<String>,
    /// The number of permitted uses; 1 where it is not given.
    uses: Option<u32>,
    /// For how many seconds; 15 minutes where it is not given.
    expires_in: Option<u64>,
    /// The addresses of the hub for devices, `host:port`; its own where none are given.
    #[serde(default)]
    addresses: Vec<String>,
}

impl From<TicketStatus> for TicketItem {
    fn from(status: TicketStatus) -> Self {
        let TicketStatus { ticket, standing } = status;
        let (name, prefix) = match &ticket.subject {
            TicketSubject::Name(name) => (Some(name.to_string()), None),
            TicketSubject::Prefix(prefix) => (None, Some(prefix.as_str().to_owned())),
        };
        TicketItem {
            number: ticket.number.0,
            name,
            prefix,
            state: match standing {
                TicketStanding::Open => "open",
                TicketStanding::Used => "used",
                TicketStanding::Revoked => "revoked",
                TicketStanding::Expired => "expired",
            },
            uses: ticket.uses,
            left: match standing {
                TicketStanding::Open => {
                    let used = u32::try_from(ticket.used.len()).unwrap_or(u32::MAX);
                    ticket.uses.saturating_sub(used)
                }
                _ => 0,
            },
            used: ticket
                .used
                .into_iter()
                .map(|used| TicketUseItem {
                    device: used.name.to_string(),
                    at: used.at.to_string(),
                })
                .collect(),
            issued: ticket.created.to_string(),
            expires: ticket.expires.to_string(),
            revoked: ticket.revoked.map(|at| at.to_string()),
        }
    }
}

/// Lists the tickets, by number.
#[utoipa::path(get, path = "/api/v1/tickets", tag = "access", operation_id = "list_tickets",
    params(ListPage),
    responses(
        (status = 200, body = List<TicketItem>),
        (status = 304, description = "The client has it already"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list_tickets(
    State(http): State<Arc<Http>>,
    headers: HeaderMap,
    Authenticated(caller): Authenticated,
    Fields(page): Fields<ListPage>,
) -> Result<Response, Problem> {
    let after = page.after.as_deref().map(parse).transpose()?;
    let after = after.map(TicketNumber);
    match http
        .order(caller, AdminRequest::ListTickets { after })
        .await?
    {
        AdminReply::Tickets(tickets) => {
            let items = tickets.into_iter().map(TicketItem::from).collect();
            let cursor = |ticket: &TicketItem| ticket.number.to_string();
            tagged(&headers, &page.cut(items, TICKETS_LISTED_AT_ONCE, cursor)?)
        }
        _ => Err(Problem::odd_reply()),
    }
}

/// Issues a ticket and tells its text, this one time.
#[utoipa::path(post, path = "/api/v1/tickets", tag = "access", operation_id = "issue_ticket",
    request_body = NewTicketOrder,
    responses(
        (status = 201, body = NewTicket),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn issue_ticket(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Document(order): Document<NewTicketOrder>,
) -> Result<(StatusCode, Json<NewTicket>), Problem> {
    let subject = match (&order.name, &order.prefix) {
        (Some(name), None) => TicketSubject::Name(parse(name)?),
        (None, Some(prefix)) => TicketSubject::Prefix(parse(prefix)?),
        _ => {
            return Err(Problem::bad_request(
                "give a name or a prefix, and not both",
            ));
        }
    };
    let life = order.expires_in.map(Duration::from_secs);
    let life = life.unwrap_or(DEFAULT_TICKET_LIFE);
    let order = TicketOrder {
        subject,
        uses: order.uses.unwrap_or(1),
        life_ms: u64::try_from(life.as_millis()).unwrap_or(u64::MAX),
        addresses: order.addresses,
    };
    let drawn = draw_ticket(order, &http.hub_state).map_err(Problem::bad_request)?;
    let DrawnTicket { ticket, request } = drawn;
    match http.order(caller, request).await? {
        AdminReply::Ticket(status) => {
            let text = ticket.to_text().to_string();
            let new = NewTicket {
                number: status.ticket.number.0,
                command: format!("fleetlink join {text}"),
                ticket: text,
                addresses: ticket.addresses().to_vec(),
                expires: status.ticket.expires.to_string(),
            };
            Ok((StatusCode::CREATED, Json(new)))
        }
        _ => Err(Problem::odd_reply()),
    }
}

/// Revokes an open ticket.
#[utoipa::path(delete, path = "/api/v1/tickets/{number}", tag = "access",
    operation_id = "revoke_ticket", params(("number" = inline(NumberText), Path)),
    responses(
        (status = 204, description = "It is revoked"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn revoke_ticket(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Segments(number_text): Segments<String>,
) -> Result<StatusCode, Problem> {
    let found = u32::try_from(number(&number_text, "ticket")?);
    let missing = |_| Problem::not_found("there is no ticket of this number");
    let ticket = TicketNumber(found.map_err(missing)?);
    http.change(caller, AdminRequest::RevokeTicket { ticket })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
