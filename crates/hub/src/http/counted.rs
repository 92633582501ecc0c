//! The traffic of a device's requests: their bodies and the replies'.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use super::Http;
use crate::traffic::Flow;

/// Counts the bytes of a request and of its reply. The one who finds the caller tells whose they are.
pub(super) async fn count(State(http): State<Arc<Http>>, request: Request, next: Next) -> Response {
    let flow = Flow::among(&http.traffic.http);
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(flow.clone());
    let received = CountedBody {
        body,
        flow: flow.clone(),
        is_sent: false,
    };
    let request = Request::from_parts(parts, Body::new(received));
    let response = next.run(request).await;
    response.map(|body| {
        Body::new(CountedBody {
            body,
            flow,
            is_sent: true,
        })
    })
}

struct CountedBody {
    body: Body,
    flow: Flow,
    is_sent: bool,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            match self.is_sent {
                true => self.flow.sent(data.len()),
                false => self.flow.received(data.len()),
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
