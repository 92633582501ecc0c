//! One connection to a hub, shared by everything that asks something of it.

mod closed;
mod keys;
mod methods;
mod reader;
mod shared;
mod transfer;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fleetlink_proto::HubPin;
use fleetlink_proto::control::limits::{
    DEFAULT_KEEP_ALIVE, MAX_KEEP_ALIVE, MIN_KEEP_ALIVE, PROTOCOL_VERSION,
};
use fleetlink_proto::control::{Hello, HelloReply, Request, RequestId, encode_request};
use fleetlink_proto::signed::Channel;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::Connection;
use crate::limits::{CALL_DEADLINE, CHUNK_QUEUE, CONTROL_QUEUE, MAX_CALLS_IN_FLIGHT};

pub use closed::{CallError, Closed};
use shared::{Answer, Opens, Shared};
pub(crate) use transfer::{DownloadEvent, OpenedDownload, OpenedUpload};
use writer::Bulk;

/// A session with a hub. Clones share it; when the last one is dropped the connection closes.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    channel: Option<Channel>,
    control: mpsc::Sender<Vec<u8>>,
    chunks: mpsc::Sender<Bulk>,
    keep_alive: watch::Sender<Duration>,
    next_id: AtomicI64,
    in_flight: Semaphore,
}

impl Session {
    /// Says hello over a new connection; `client` tells the hub's log what this device runs.
    pub async fn open(
        connection: Connection,
        client: &str,
    ) -> Result<(Session, HelloReply), CallError> {
        let session = Session::start(connection);
        let hello = Request::Hello(Hello {
            versions: vec![PROTOCOL_VERSION],
            client: client.to_owned(),
        });
        let reply: HelloReply = session.call(hello).await?;
        if reply.version != PROTOCOL_VERSION {
            let version = reply.version;
            return Err(CallError::Unexpected(format!(
                "it wants version {version} of the protocol, which was not offered"
            )));
        }
        let keep_alive = Duration::from_millis(reply.keep_alive_ms);
        session
            .inner
            .keep_alive
            .send_replace(keep_alive.clamp(MIN_KEEP_ALIVE, MAX_KEEP_ALIVE));
        Ok((session, reply))
    }

    fn start(connection: Connection) -> Session {
        let (read_half, write_half) = tokio::io::split(connection.stream);
        let (control, control_queue) = mpsc::channel(CONTROL_QUEUE);
        let (chunks, chunk_queue) = mpsc::channel(CHUNK_QUEUE);
        let (keep_alive, _) = watch::channel(DEFAULT_KEEP_ALIVE);
        let shared = Arc::new(Shared::new(control.downgrade()));
        tokio::spawn(writer::run(
            write_half,
            writer::Queues {
                control: control_queue,
                chunks: chunk_queue,
                keep_alive: keep_alive.subscribe(),
            },
            Arc::clone(&shared),
        ));
        tokio::spawn(reader::run(
            read_half,
            keep_alive.subscribe(),
            Arc::clone(&shared),
        ));
        Session {
            inner: Arc::new(Inner {
                shared,
                channel: connection.channel,
                control,
                chunks,
                keep_alive,
                next_id: AtomicI64::new(writer::GIVE_UP_ID + 1),
                in_flight: Semaphore::new(MAX_CALLS_IN_FLIGHT),
            }),
        }
    }

    /// Waits until the session is over, and says why.
    pub async fn closed(&self) -> Closed {
        self.inner.shared.closed().await
    }

    /// The pin of the hub's key as this connection has shown it; `None` without TLS.
    pub fn hub(&self) -> Option<HubPin> {
        self.inner.channel.as_ref().map(|channel| channel.hub)
    }

    /// The keep-alive that the hub has named.
    pub(crate) fn keep_alive(&self) -> Duration {
        *self.inner.keep_alive.borrow()
    }

    /// Why the session is over, if it is.
    pub fn is_closed(&self) -> Option<Closed> {
        self.inner.shared.is_closed()
    }

    async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<T, CallError> {
        let answer = self.answer(request, Opens::Nothing, CALL_DEADLINE).await?;
        read_answer(answer.value)
    }

    async fn answer(
        &self,
        request: Request,
        opens: Opens,
        limit: Duration,
    ) -> Result<Answer, CallError> {
        let method = request.method();
        timeout(limit, self.ask(&request, opens))
            .await
            .unwrap_or(Err(CallError::TimedOut { method, limit }))
    }

    async fn ask(&self, request: &Request, opens: Opens) -> Result<Answer, CallError> {
        let inner = &*self.inner;
        let _permit = inner.in_flight.acquire().await;
        let id = inner.next_id.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        let _forget = inner.shared.expect(id, opens, answer)?;
        let line = encode_request(&RequestId::Number(id), request);
        if inner.control.send(line).await.is_err() {
            return Err(CallError::Closed(inner.shared.closed().await));
        }
        match answered.await {
            Ok(result) => result.map_err(CallError::Refused),
            Err(_) => Err(CallError::Closed(inner.shared.closed().await)),
        }
    }
}

fn read_answer<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, CallError> {
    serde_json::from_value(value).map_err(|e| CallError::Unexpected(e.to_string()))
}
