//! Calls on their way to the hub, and their answers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use fleetlink_proto::control::{Request, RequestId, RpcError, encode_request};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Session;
use super::shared::{CallReply, Forget, Opens};
use crate::limits::CALL_DEADLINE;
use crate::{Error, Result};

/// A call that the hub has been sent; whoever drops it does not wait for the answer.
pub(super) struct Sent {
    method: &'static str,
    answered: oneshot::Receiver<std::result::Result<CallReply, RpcError>>,
    expected: Forget,
}

impl Sent {
    /// The answer, once it is there.
    pub(super) async fn read<T: DeserializeOwned>(self) -> Result<T> {
        self.read_within(CALL_DEADLINE).await
    }

    /// The answer, which may take so long.
    pub(super) async fn read_within<T: DeserializeOwned>(self, limit: Duration) -> Result<T> {
        let answer = in_time(self.method, limit, self.answer()).await?;
        read_answer(answer.value)
    }

    async fn answer(self) -> Result<CallReply> {
        match self.answered.await {
            Ok(result) => result.map_err(Error::refused),
            Err(_) => Err(Error::closed(self.expected.closed().await)),
        }
    }
}

impl Session {
    pub(super) async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<T> {
        let answer = self.answer(request, Opens::Nothing, CALL_DEADLINE).await?;
        read_answer(answer.value)
    }

    pub(super) async fn answer(
        &self,
        request: Request,
        opens: Opens,
        limit: Duration,
    ) -> Result<CallReply> {
        let method = request.method();
        let asking = async {
            let _permit = self.inner.in_flight.acquire().await;
            let [sent] = self.send([(request, opens)]).await?;
            sent.answer().await
        };
        in_time(method, limit, asking).await
    }

    /// Writes a call to `lines`, which is sent next, and expects its answer.
    pub(super) fn expect(&self, request: &Request, opens: Opens, lines: &mut Vec<u8>) -> Sent {
        let id = self.inner.next_id.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        let expected = self.inner.shared.expect(id, opens, answer);
        lines.extend(encode_request(&RequestId::Number(id), request));
        Sent {
            method: request.method(),
            answered,
            expected,
        }
    }

    /// Sends calls as one piece, in this order.
    pub(super) async fn send<const N: usize>(
        &self,
        requests: [(Request, Opens); N],
    ) -> Result<[Sent; N]> {
        let inner = &*self.inner;
        let mut lines = Vec::new();
        let sent = requests.map(|(request, opens)| self.expect(&request, opens, &mut lines));
        match inner.control.send(lines).await {
            Ok(()) => Ok(sent),
            Err(_) => Err(Error::closed(inner.shared.closed().await)),
        }
    }
}

async fn in_time<T>(
    method: &'static str,
    limit: Duration,
    answer: impl Future<Output = Result<T>>,
) -> Result<T> {
    timeout(limit, answer)
        .await
        .unwrap_or_else(|_| Err(Error::timed_out(method, limit)))
}

pub(super) fn read_answer<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|e| Error::unexpected(&e.to_string()).because(e))
}
