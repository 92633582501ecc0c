//! A panic in the work for one transfer ends that transfer, and nothing else.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use fleetlink_proto::control::{ErrorCode, RpcError};

/// Does the work for a transfer. Where it panics, the work is dropped, that is logged, and the
/// transfer fails.
pub(super) async fn contained<T>(
    what: &'static str,
    work: impl Future<Output = Result<T, RpcError>>,
) -> Result<T, RpcError> {
    let mut work = pin!(work);
    poll_fn(move |context| {
        // After a panic it is not polled again, so nobody sees what it had half done.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.unwrap_or_else(|_| {
            tracing::error!("{what} stopped unexpectedly");
            let text = format!("{what} stopped unexpectedly; the hub's log says more");
            Poll::Ready(Err(RpcError::new(ErrorCode::Internal, text)))
        })
    })
    .await
}
