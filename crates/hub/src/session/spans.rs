//! Spans of the log: one for each connection, and within it one for each request, so that a line
//! says to which device and request it belongs.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fleetlink_core::SessionId;
use fleetlink_proto::control::{Reply, Request, RequestId, RpcError};
use fleetlink_proto::{DeviceName, Escaped};
use tracing::Span;
use tracing::field::Empty;

use crate::metrics::Meters;

/// Returns the span of a connection. At the level of errors, because a span that the filter of the
/// log leaves out would be missing in the warnings within it.
pub(crate) fn connection(session: SessionId, peer: SocketAddr) -> Span {
    tracing::error_span!("connection", session = session.0, %peer, device = Empty)
}

/// The spans of one connection. There are no more requests than may be in flight.
#[derive(Debug, Clone)]
pub(crate) struct Spans {
    connection: Span,
    requests: Arc<Mutex<Vec<Begun>>>,
    meters: Arc<Meters>,
}

/// A request that is not answered yet.
#[derive(Debug)]
struct Begun {
    id: RequestId,
    span: Span,
    method: &'static str,
    at: Instant,
}

impl Spans {
    pub(crate) fn new(connection: Span, meters: Arc<Meters>) -> Self {
        Spans {
            connection,
            requests: Arc::default(),
            meters,
        }
    }

    /// The span of the connection.
    pub(crate) fn connection(&self) -> &Span {
        &self.connection
    }

    /// Names the device that has logged in.
    pub(crate) fn name(&self, device: &DeviceName) {
        self.connection
            .record("device", tracing::field::display(device));
    }

    /// Begins the span of a request.
    pub(crate) fn begin(&self, id: &RequestId, request: &Request) {
        let (method, shown) = (request.method(), ShownId(id));
        let span = tracing::error_span!(parent: &self.connection, "request", method, id = %shown);
        let mut requests = self.requests();
        requests.retain(|begun| begun.id != *id);
        requests.push(Begun {
            id: id.clone(),
            span,
            method,
            at: Instant::now(),
        });
    }

    /// The span of a request that is not answered yet, else the connection's.
    pub(crate) fn of(&self, id: &RequestId) -> Span {
        let requests = self.requests();
        let found = requests.iter().find(|begun| begun.id == *id);
        found
            .map(|begun| begun.span.clone())
            .unwrap_or_else(|| self.connection.clone())
    }

    /// Ends the span of a request with its reply.
    pub(crate) fn end(&self, id: &RequestId, result: &Result<Reply, RpcError>) {
        let begun = self.take(id);
        if let Some(begun) = &begun {
            self.meters.answered(begun.method, begun.at.elapsed());
        }
        if let Err(error) = result {
            self.meters.refused(error.code);
        }
        let span = begun.as_ref().map(|begun| &begun.span);
        let _entered = span.unwrap_or(&self.connection).enter();
        match result {
            Ok(_) => tracing::debug!("answered"),
            Err(error) => tracing::debug!(code = error.code.name(), "refused"),
        }
    }

    fn take(&self, id: &RequestId) -> Option<Begun> {
        let mut requests = self.requests();
        let at = requests.iter().position(|begun| begun.id == *id)?;
        let begun = requests.swap_remove(at);
        if requests.is_empty() {
            // An idle session keeps no room for requests.
            *requests = Vec::new();
        }
        Some(begun)
    }

    fn requests(&self) -> MutexGuard<'_, Vec<Begun>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An id as the log shows it: a text is quoted and escaped.
struct ShownId<'a>(&'a RequestId);

impl fmt::Display for ShownId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            RequestId::Number(id) => id.fmt(f),
            RequestId::Text(id) => write!(f, "\"{}\"", Escaped(id)),
        }
    }
}
