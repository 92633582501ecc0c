//! One client: bytes in, bytes out. What they mean is decided in `proto`.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fleetlink_proto::number_exchange::limits::{DRAIN_TIME, LINGER, REPLY_DEADLINE};
use fleetlink_proto::number_exchange::{Decoded, Decoder, InRange, Line, Next, Response, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::Lines;
use crate::metrics::Counter;

/// Bytes that one read takes at most; most requests fit into one.
const READ_BUFFER: usize = 1024;

/// The parts that every exchange needs.
pub(super) struct Context {
    pub(super) service: Service,
    pub(super) quiet_time: Duration,
    pub(super) lines: Lines,
    pub(super) stopping: CancellationToken,
    /// The last line of the service.
    pub(super) last: OnceLock<Line>,
    pub(super) replies: Arc<Counter>,
}

/// One client's connection.
struct Client {
    stream: TcpStream,
    accepted: Instant,
    decoder: Decoder,
    /// The client has ended its side, or the connection broke.
    ended: bool,
}

/// Hears requests and answers them, until one is the last.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, context: Arc<Context>) {
    let lines = &context.lines;
    lines.say(Line::accepted(peer)).await;
    let mut client = Client {
        stream,
        accepted: Instant::now(),
        decoder: Decoder::new(context.quiet_time),
        ended: false,
    };
    let mut decoded = client.hear(&context).await;
    if decoded == Decoded::Nothing {
        lines.say(Line::silent()).await;
    }
    let stops = loop {
        let Some(response) = respond(&context.service, decoded) else {
            client.close(b"").await;
            break false;
        };
        match client.send(response, &context).await {
            Next::Request => {}
            Next::Close => break false,
            Next::Stop(line) => {
                // Another client may have said it before.
                let _ = context.last.set(line);
                break true;
            }
        }
        decoded = match client.decoder.next_request(client.accepted.elapsed()) {
            Some(decoded) => decoded,
            None => client.hear(&context).await,
        };
    };
    drop(client);
    if !stops {
        lines.say(Line::closed()).await;
    }
}

fn respond(service: &Service, decoded: Decoded) -> Option<Response> {
    match decoded {
        Decoded::Request(request) => Some(service.respond(&request, random)),
        Decoded::Malformed(malformed) => Some(Service::respond_to_malformed(&malformed)),
        Decoded::LateLineEnd(line_end) => Some(Service::respond_to_line_end(line_end)),
        Decoded::Nothing => None,
    }
}

/// A number for a client, where it is not fixed.
///
/// # Panics
/// Where the operating system has no randomness to give.
fn random() -> InRange {
    InRange::from_random(getrandom::u64().expect("the operating system gives random bytes"))
}

impl Client {
    /// Reads until a request has ended.
    async fn hear(&mut self, context: &Context) -> Decoded {
        let mut buffer = [0; READ_BUFFER];
        let drained = async {
            context.stopping.cancelled().await;
            sleep(DRAIN_TIME).await;
        };
        tokio::pin!(drained);
        loop {
            let decoded = tokio::select! {
                // What has come counts before the silence after it: we may have been the slow one.
                biased;
                read = self.stream.read(&mut buffer) => match read {
                    Ok(0) => {
                        self.ended = true;
                        Some(self.decoder.handle_end())
                    }
                    Ok(count) => {
                        let now = self.accepted.elapsed();
                        self.decoder.handle_bytes(&buffer[..count], now)
                    }
                    Err(error) => {
                        tracing::debug!(%error, "a client's connection broke");
                        self.ended = true;
                        Some(Decoded::Nothing)
                    }
                },
                () = sleep_until(self.accepted + self.decoder.poll_timeout()) => {
                    self.decoder.handle_timeout(self.accepted.elapsed())
                }
                () = &mut drained => Some(self.decoder.handle_end()),
            };
            if let Some(decoded) = decoded {
                return decoded;
            }
        }
    }

    /// Says the lines, sends the reply, and closes where nothing more is to come. Where the reply
    /// was not taken, nothing is.
    async fn send(&mut self, response: Response, context: &Context) -> Next {
        let Response { lines, reply, next } = response;
        if !reply.is_empty() {
            context.replies.one();
        }
        if matches!(next, Next::Stop(_)) {
            context.stopping.cancel();
        }
        for line in lines {
            context.lines.say(line).await;
        }
        if next != Next::Request {
            self.close(&reply).await;
            return next;
        }
        // A reply must not wait until the client acknowledges the one before.
        let sent = match self.stream.set_nodelay(true) {
            Ok(()) => timeout(REPLY_DEADLINE, self.stream.write_all(&reply)).await,
            Err(error) => Ok(Err(error)),
        };
        match sent.unwrap_or_else(|late| Err(late.into())) {
            Ok(()) => Next::Request,
            Err(error) => {
                tracing::debug!(%error, "the client did not take its reply");
                Next::Close
            }
        }
    }

    /// Sends the last bytes, ends this side of the stream, and sees to it that they arrive.
    async fn close(&mut self, reply: &[u8]) {
        let sending = async {
            self.stream.write_all(reply).await?;
            self.stream.shutdown().await
        };
        let sent = timeout(REPLY_DEADLINE, sending).await;
        if let Err(error) = sent.unwrap_or_else(|late| Err(late.into())) {
            tracing::debug!(%error, "the client did not take its reply");
        } else if !self.ended {
            self.linger().await;
        }
    }

    /// Reads on for a little while: a close with unread bytes would be a reset, which may overtake
    /// the reply.
    async fn linger(&mut self) {
        let mut scratch = [0; READ_BUFFER];
        let rest = async { while matches!(self.stream.read(&mut scratch).await, Ok(1..)) {} };
        // Whoever neither ends nor goes is left.
        let _ = timeout(LINGER, rest).await;
    }
}
