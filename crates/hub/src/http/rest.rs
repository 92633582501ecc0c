//! The rest of a request's body that no handler wanted. It is read for a while: a client that is cut
//! off while it sends never sees the reply.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::Error;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::limits::REFUSED_UPLOAD_READ;

/// The body of a request, once its handler has no use for it.
type Slot = Arc<Mutex<Option<Body>>>;

/// Has the rest of a request's body read, beside the reply.
pub(super) async fn read(request: Request, next: Next) -> Response {
    let slot = Slot::default();
    let request = request.map(|body| match body.is_end_stream() {
        true => body,
        false => Body::new(Lent {
            body: Some(body),
            slot: Arc::clone(&slot),
        }),
    });
    let response = next.run(request).await;
    let rest = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    match rest {
        None => response,
        Some(rest) => response.map(|body| {
            Body::new(Replying {
                body,
                rest: Some(rest),
            })
        }),
    }
}

/// Reads what still comes, for as long as that is worth it.
pub(super) async fn drain(rest: Body) {
    let mut rest = rest.into_data_stream();
    let draining = async { while let Some(Ok(_)) = rest.next().await {} };
    let _ = timeout(REFUSED_UPLOAD_READ, draining).await;
}

/// A body that comes back if its end is not read.
struct Lent {
    body: Option<Body>,
    slot: Slot,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) => body.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let rest = self.body.take().filter(|body| !body.is_end_stream());
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = rest;
    }
}

/// A reply, and the rest of the request. The rest is read when the reply has begun and no sooner: a
/// client that waits for `100 Continue` is not told to send what nobody wants.
struct Replying {
    body: Body,
    rest: Option<Body>,
}

impl Replying {
    fn begin(&mut self) {
        if let Some(rest) = self.rest.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(drain(rest));
        }
    }
}

impl HttpBody for Replying {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.begin();
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Replying {
    fn drop(&mut self) {
        self.begin();
    }
}
