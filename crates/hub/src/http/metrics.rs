//! Metrics of the hub for Prometheus: `/metrics`.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use fleetlink_core::{PresenceChoice, Query, StoreCall, StoreReply};

use tokio::sync::mpsc;

use super::Http;
use super::auth::Authenticated;
use super::problem::{Problem, ProblemDocument};
use crate::driver::{CONSOLE_QUEUE, HubEvent, wall_time};
use crate::identity::not_after;
use crate::lease::LeaseReader;
use crate::metrics::{Form, Gathered, StoreGauges, write};

/// A reader who may see the metrics.
pub(super) struct MayRead;

impl FromRequestParts<Arc<Http>> for MayRead {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, http: &Arc<Http>) -> Result<Self, Problem> {
        if http.facts.metrics_are_public {
            return Ok(MayRead);
        }
        let Authenticated(caller) = Authenticated::from_request_parts(parts, http).await?;
        // The core decides here whether the caller may look.
        http.presences(&caller, PresenceChoice::Of(Vec::new()))
            .await?;
        Ok(MayRead)
    }
}

/// Tells the hub's metrics, in the text form of Prometheus or, where the client accepts it, in that of
/// OpenMetrics.
#[utoipa::path(get, path = "/metrics", tag = "health", operation_id = "metrics",
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn metrics(
    State(http): State<Arc<Http>>,
    _may: MayRead,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let accept = headers.get_all(ACCEPT).iter();
    let accept: Vec<_> = accept.filter_map(|value| value.to_str().ok()).collect();
    let form = Form::accepted(&accept.join(","));
    let gathered = http.gather().await;
    let text = write(gathered, form).map_err(|error| Problem::internal(error.to_string()))?;
    let headers = [
        (CONTENT_TYPE, form.content_type()),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, text).into_response())
}

impl Http {
    /// Reads all counts.
    async fn gather(&self) -> Gathered {
        let at = wall_time();
        let totals = self.store.execute(StoreCall::Query(Query::Totals { at }));
        // A store that fails is what the metrics are to tell of.
        let known_devices = match totals.await {
            Ok(StoreReply::Totals(totals)) => Some(totals.accounts),
            _ => None,
        };
        let size = self.size.find(&self.facts.data).await;
        let control = self.hub_state.certificate();
        let http = self.tls.as_ref().map(super::tls::Tls::certificate);
        let certificates = [("control", control), ("http", http)];
        let certificates = certificates
            .into_iter()
            .filter_map(|(service, certificate)| Some((service, not_after(&certificate?)?)));
        Gathered {
            meters: Arc::clone(&self.meters),
            store: self.store.status(),
            gauges: StoreGauges {
                known_devices,
                bytes: size.map(|size| size.bytes),
                segment_files: size.map(|size| size.segment_files),
                disk_bytes: size.and_then(|size| size.disk_bytes),
                free_bytes: size.and_then(|size| size.free_bytes),
            },
            control_bytes: self.traffic.control.get(),
            http_bytes: self.traffic.http.get(),
            driver_queue: self.calls.queue(),
            console_queue: queue_of(&self.console),
            leases: self.small.leases.as_ref().map(LeaseReader::counts),
            exchanges: self.small.exchanges.get(),
            certificates: certificates.collect(),
        }
    }
}

/// The lines that wait for the console, and how many may.
fn queue_of(console: &mpsc::WeakSender<HubEvent>) -> (usize, usize) {
    console.upgrade().map_or((0, CONSOLE_QUEUE), |console| {
        let most = console.max_capacity();
        (most - console.capacity(), most)
    })
}

/// Counts a request, its time and its reply.
pub(super) async fn count(State(http): State<Arc<Http>>, request: Request, next: Next) -> Response {
    let (began, method) = (Instant::now(), request.method().clone());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    http.meters
        .replied(method.as_str(), status, began.elapsed());
    response
}
