//! Calls on their way to the hub, and their answers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use fleetlink_proto::control::{Request, RequestId, RpcError, encode_request};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Session;
use super::closed::CallError;
use super::shared::{Answer, Forget, Opens};
use crate::limits::CALL_DEADLINE;

/// A call that the hub has been sent; whoever drops it does not wait for the answer.
pub(super) struct Sent {
    method: &'static str,
    answered: oneshot::Receiver<Result<Answer, RpcError>>,
    expected: Forget,
}

impl Sent {
    /// The answer, once it is there.
    pub(super) async fn read<T: DeserializeOwned>(self) -> Result<T, CallError> {
        let method = self.method;
        let answer = in_time(method, CALL_DEADLINE, self.answer()).await?;
        read_answer(answer.value)
    }

    async fn answer(self) -> Result<Answer, CallError> {
        match self.answered.await {
            Ok(result) => result.map_err(CallError::Refused),
            Err(_) => Err(CallError::Closed(self.expected.closed().await)),
        }
    }
}

impl Session {
    pub(super) async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<T, CallError> {
        let answer = self.answer(request, Opens::Nothing, CALL_DEADLINE).await?;
        read_answer(answer.value)
    }

    pub(super) async fn answer(
        &self,
        request: Request,
        opens: Opens,
        limit: Duration,
    ) -> Result<Answer, CallError> {
        let method = request.method();
        let asking = async {
            let _permit = self.inner.in_flight.acquire().await;
            let [sent] = self.send([(request, opens)]).await?;
            sent.answer().await
        };
        in_time(method, limit, asking).await
    }

    /// Sends calls as one piece, in this order.
    pub(super) async fn send<const N: usize>(
        &self,
        requests: [(Request, Opens); N],
    ) -> Result<[Sent; N], CallError> {
        let inner = &*self.inner;
        let mut lines = Vec::new();
        let sent = requests.map(|(request, opens)| {
            let id = inner.next_id.fetch_add(1, Ordering::Relaxed);
            let (answer, answered) = oneshot::channel();
            let expected = inner.shared.expect(id, opens, answer);
            lines.extend(encode_request(&RequestId::Number(id), &request));
            Sent {
                method: request.method(),
                answered,
                expected,
            }
        });
        match inner.control.send(lines).await {
            Ok(()) => Ok(sent),
            Err(_) => Err(CallError::Closed(inner.shared.closed().await)),
        }
    }
}

async fn in_time<T>(
    method: &'static str,
    limit: Duration,
    answer: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    timeout(limit, answer)
        .await
        .unwrap_or(Err(CallError::TimedOut { method, limit }))
}

pub(super) fn read_answer<T: DeserializeOwned>(value: Value) -> Result<T, CallError> {
    serde_json::from_value(value).map_err(|e| CallError::Unexpected(e.to_string()))
}
