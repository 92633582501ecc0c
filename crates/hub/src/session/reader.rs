//! A device's bytes, on their way to the core and to the uploads.

use std::fmt::Display;
use std::mem;

use fleetlink_core::{Input, SessionId};
use fleetlink_proto::LoginNonce;
use fleetlink_proto::control::{
    EndReason, ErrorCode, FromDevice, HubDecoder, HubNotification, OpenDownload, OpenUpload,
    Request, RequestId, RpcError, limits,
};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout};

use super::download::Downloads;
use super::order::Order;
use super::outbox::Outbox;
use super::proof;
use super::upload::{BLOCK_TIME, UploadFeeder, Uploads};
use super::wait::HubTurn;
use super::{Secured, SessionContext};
use crate::driver::{DriverGone, DriverHandle};

/// The bytes of one read while an upload's bytes come.
const BODY_READ_SIZE: usize = 64 * 1024;
/// The bytes of one read otherwise: an idle session keeps no more.
const LINE_READ_SIZE: usize = 2 * 1024;

/// Reads one device's bytes and passes on what they say.
pub(super) struct Reader<S> {
    session: SessionId,
    turn: HubTurn,
    order: Order,
    secured: Option<Secured>,
    driver: DriverHandle,
    stream: S,
    outbox: Outbox,
    uploads: UploadFeeder,
    downloads: Downloads,
    decoder: HubDecoder,
    /// The time at which the core was last told that bytes came.
    alive_told: Instant,
    /// Calls that came together and are told together.
    calls: Vec<Input>,
    bytes: u64,
    garbage: u32,
}

/// The session cannot go on.
struct Over;

impl From<DriverGone> for Over {
    fn from(DriverGone: DriverGone) -> Self {
        Over
    }
}

impl<S: AsyncRead + Unpin> Reader<S> {
    pub(super) fn new(
        turn: HubTurn,
        secured: Option<Secured>,
        hub: &SessionContext,
        stream: S,
        outbox: Outbox,
        uploads: Uploads,
        downloads: Downloads,
    ) -> Self {
        Reader {
            session: turn.session(),
            turn,
            order: uploads.order(),
            secured,
            driver: hub.driver.clone(),
            stream,
            outbox,
            uploads: UploadFeeder::new(uploads),
            downloads,
            decoder: HubDecoder::default(),
            alive_told: Instant::now(),
            calls: Vec::new(),
            bytes: 0,
            garbage: 0,
        }
    }

    /// Ends the uploads that are still open, and gives the stream back: nothing in it matters any
    /// more.
    pub(super) fn into_stream(mut self) -> S {
        self.uploads.interrupt_all();
        self.stream
    }

    /// Reads until the device closes, breaks the protocol, or the hub ends.
    pub(super) async fn run(&mut self) {
        let mut buffer = Vec::new();
        loop {
            let size = match self.decoder.body_left() {
                0 => LINE_READ_SIZE,
                _ => BODY_READ_SIZE,
            };
            if buffer.len() != size {
                buffer = vec![0; size];
            }
            let reading = self.stream.read(&mut buffer);
            let read = match self.uploads.holds_bytes() {
                false => reading.await,
                true => match timeout(BLOCK_TIME, reading).await {
                    Ok(read) => read,
                    Err(_) => match self.turn.unread(Box::pin(self.uploads.hand_on())).await {
                        Ok(()) => continue,
                        Err(DriverGone) => return,
                    },
                },
            };
            let Ok(read @ 1..) = read else { return };
            // In a box: a session that waits for bytes needs no room for what handles them.
            let handled = Box::pin(self.handle_bytes(&buffer[..read])).await;
            if handled.is_err() {
                return;
            }
        }
    }

    async fn handle_bytes(&mut self, mut input: &[u8]) -> Result<(), Over> {
        self.bytes = self.bytes.saturating_add(input.len() as u64);
        if self.bytes > limits::MAX_BYTES_BEFORE_LOGIN && !self.outbox.is_logged_in() {
            return self.give_up("too many bytes before a login").await;
        }
        if self.alive_told.elapsed() >= self.turn.interval() {
            self.tell(Input::Alive {
                session: self.session,
            })
            .await?;
        }
        while let Some(message) = self.decoder.next_message(&mut input) {
            self.handle_message(message).await?;
        }
        self.tell_calls().await
    }

    async fn handle_message(&mut self, message: FromDevice<'_>) -> Result<(), Over> {
        if !matches!(message, FromDevice::Call { .. }) {
            self.tell_calls().await?;
        }
        match message {
            FromDevice::Call { id, request } => self.handle_call(id, request).await,
            FromDevice::Chunk { upload } => {
                Ok(self.turn.unread(self.uploads.select(upload)).await?)
            }
            FromDevice::Body(bytes) => Ok(self.turn.unread(self.uploads.feed(bytes)).await?),
            FromDevice::Invalid { id, error } => {
                self.outbox.complain(id.as_ref(), &error).await;
                Ok(())
            }
            FromDevice::UnknownNotification(method) => {
                tracing::debug!(method, "passed over a notification");
                Ok(())
            }
            FromDevice::Garbage(error) => self.handle_garbage(&error).await,
            FromDevice::Unframed(error) => {
                self.outbox.complain(None, &error).await;
                self.give_up("a chunk line was wrong, so what follows it is unknown")
                    .await
            }
        }
    }

    async fn handle_call(&mut self, id: RequestId, request: Request) -> Result<(), Over> {
        if !self.outbox.try_admit_request(&id, &request) {
            self.tell_calls().await?;
            let admitted = self.outbox.admit_request(&id, &request);
            self.turn.unread(admitted).await?;
        }
        match request {
            Request::CommitUpload(commit) => {
                self.tell_calls().await?;
                let committing = self.uploads.commit(id.clone(), commit);
                if !self.turn.unread(committing).await? {
                    self.refuse_id(&id).await;
                }
            }
            Request::AbortUpload(abort) => {
                self.tell_calls().await?;
                self.turn
                    .unread(self.uploads.abort(id, abort.upload))
                    .await?;
            }
            Request::LoginNonce => {
                let (session, nonce) = (self.session, self.secured.as_ref().map(|_| nonce()));
                self.calls.push(Input::NonceAsked { session, id, nonce });
            }
            Request::CancelDownload(cancel) => {
                self.tell_calls().await?;
                let cancelling = self.downloads.cancel(id, cancel.download);
                self.turn.unread(cancelling).await?;
            }
            request => {
                if !self.is_new(&id, &request).await? {
                    self.refuse_id(&id).await;
                    return Ok(());
                }
                let session = self.session;
                let secured = self.secured.as_ref();
                if let (Request::Hello(hello), Some(secured)) = (&request, secured)
                    && let Some(expected) = hello.pin
                {
                    let succession = secured.shown.succession_from(expected);
                    self.outbox.add_to_hello(succession.to_vec());
                }
                let possession = proof::check(&request, secured.map(|s| &s.channel));
                self.calls.push(Input::Call {
                    session,
                    id,
                    request,
                    possession,
                });
            }
        }
        Ok(())
    }

    /// Notes that a call opens an upload or download under this number; `false` where its id is that
    /// of one that is not decided yet.
    async fn is_new(&mut self, id: &RequestId, request: &Request) -> Result<bool, Over> {
        match request {
            Request::OpenUpload(OpenUpload {
                upload: Some(upload),
                ..
            }) => Ok(self.turn.unread(self.uploads.opening(id, *upload)).await?),
            Request::OpenDownload(OpenDownload {
                download: Some(download),
                ..
            }) => Ok(self.downloads.opening(id, *download)),
            _ => Ok(true),
        }
    }

    /// The id is that of a call about an upload or download that waits for its answer: it would take the other
    /// one's, so nothing but the refusal is said.
    async fn refuse_id(&self, id: &RequestId) {
        let message = "the id is that of an upload.open, upload.commit or download.open that is not \
                       answered yet; use each id once";
        let error = RpcError::new(ErrorCode::InvalidRequest, message);
        self.outbox.reply(id, Err(error)).await;
    }

    /// Before the login there is no reason for patience.
    async fn handle_garbage(&mut self, error: &RpcError) -> Result<(), Over> {
        self.garbage += 1;
        self.outbox.complain(None, error).await;
        if !self.outbox.is_logged_in() || self.garbage >= limits::MAX_GARBAGE_LINES {
            return self
                .give_up("this is not the protocol of fleetlink, version 1")
                .await;
        }
        Ok(())
    }

    async fn give_up(&mut self, message: &str) -> Result<(), Over> {
        tracing::debug!(message, "protocol broken");
        let (reason, message) = (EndReason::Protocol, message.to_owned());
        self.outbox
            .notify(&HubNotification::SessionEnd { reason, message })
            .await;
        Err(Over)
    }

    async fn tell_calls(&mut self) -> Result<(), Over> {
        if self.calls.is_empty() {
            return Ok(());
        }
        self.alive_told = Instant::now();
        let calls = mem::take(&mut self.calls);
        Ok(self.order.calls(calls).await?)
    }

    async fn tell(&mut self, input: Input) -> Result<(), Over> {
        self.alive_told = Instant::now();
        Ok(self.driver.input(input).await?)
    }
}

/// The random bits of a nonce to log in with.
fn nonce() -> LoginNonce {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).expect("the operating system has random numbers");
    LoginNonce::from_bytes(bits)
}

/// The answer to a call about an upload or download that is not open.
pub(super) fn no_such_transfer(kind: &str, number: impl Display) -> RpcError {
    let message = format!("this session has no {kind} {number} open; it may have ended or failed");
    RpcError::new(ErrorCode::NoSuchTransfer, message)
}
