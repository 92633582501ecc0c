//! The live events of the hub: `/api/v1/events`.

mod places;
mod stream;

pub(super) use self::places::StreamPlaces;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, http::HeaderValue};
use fleetlink_core::AdminRequest;
use fleetlink_proto::DeviceName;
use serde::Deserialize;

use self::stream::Follower;
use super::Http;
use super::auth::Authenticated;
use super::connection::Client;
use super::data::subject::parse_device;
use super::extract::Fields;
use super::problem::{Problem, ProblemDocument};
use crate::feed::{EventId, Kind, Wanted};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Has proxies that gather replies pass this one on as it comes.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The events that are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventFields {
    /// Only events of this device.
    device: Option<String>,
    /// Only events of these kinds, separated by commas: joined, left, uploaded, samples, deleted,
    /// locked_out, unlocked, transfer, account, ticket, login, token.
    types: Option<String>,
}

/// Sends what happens from now on, as server-sent events; behind the event of `Last-Event-ID` where
/// the hub still has all that followed. Else the first event is `reset`: all has to be loaded again.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", operation_id = "follow_events",
    params(EventFields, ("Last-Event-ID" = Option<String>, Header,
        description = "The id of the last event that was seen.")),
    responses(
        (status = 200, body = String, content_type = "text/event-stream"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(crate) async fn follow(
    State(http): State<Arc<Http>>,
    Authenticated(caller): Authenticated,
    Extension(client): Extension<Client>,
    Fields(fields): Fields<EventFields>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let named = fields.device.as_deref().map(parse_device).transpose()?;
    // A device has its own events alone.
    let device: Option<DeviceName> = named.or_else(|| caller.device().cloned());
    let kinds = fields.types.as_deref().map(parse_kinds).transpose()?;
    let request = AdminRequest::Follow {
        device: device.clone(),
    };
    http.ask(&caller, request.clone()).await?;
    let place = http.streams.admit(&caller, client.address);
    let place = place.ok_or_else(no_place)?;
    let wanted = Wanted::new(device, kinds.as_deref());
    let reader = http.feed.reader(wanted, seen(&headers));
    let follower = Follower::new(http, (caller, request), reader, place);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (BUFFERING, HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(follower.events())).into_response())
}

/// The event that the caller has seen last. A text that is no id is the id of no event.
fn seen(headers: &HeaderMap) -> Option<EventId> {
    let shown = headers.get(LAST_EVENT_ID)?;
    if shown.is_empty() {
        return None;
    }
    let id = shown.to_str().ok().and_then(|text| text.parse().ok());
    Some(id.unwrap_or(EventId {
        epoch: 0,
        number: 0,
    }))
}

fn parse_kinds(text: &str) -> Result<Vec<Kind>, Problem> {
    let kinds = text.split(',').map(|name| {
        Kind::of(name).ok_or_else(|| {
            let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            let known = known.join(", ");
            Problem::bad_request(format!(
                "types are separated by commas and are some of {known}"
            ))
        })
    });
    kinds.collect()
}

fn no_place() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "busy",
        "the hub, this caller or this address has as many event streams open as it may; close one, or \
         try again later",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_that_cannot_be_read_is_that_of_no_event() {
        let seen = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LAST_EVENT_ID, HeaderValue::from_str(text).unwrap());
            seen(&headers)
        };
        let id = |epoch, number| Some(EventId { epoch, number });
        assert_eq!(super::seen(&HeaderMap::new()), None);
        assert_eq!(seen(""), None);
        assert_eq!(seen("17-3"), id(17, 3));
        for odd in ["17", "x", "17-3-4", "-1"] {
            assert_eq!(seen(odd), id(0, 0), "{odd}");
        }
    }

    #[test]
    fn unknown_types_are_refused_with_those_that_there_are() {
        assert_eq!(
            parse_kinds("joined,left"),
            Ok(vec![Kind::Joined, Kind::Left])
        );
        for wrong in ["", "joined,", "Joined", "reset", "joined left"] {
            assert!(parse_kinds(wrong).is_err(), "{wrong:?}");
        }
    }
}
