//! One client: bytes in, bytes out. What they mean is decided in `proto`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fleetlink_proto::number_exchange::limits::{DRAIN_TIME, LINGER, REPLY_DEADLINE};
use fleetlink_proto::number_exchange::{Answer, Decoded, Decoder, InRange, Line, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::Lines;

/// Bytes that one read takes at most; most requests fit into one.
const READ_BUFFER: usize = 1024;

/// What every exchange needs.
pub(super) struct Context {
    pub(super) service: Service,
    pub(super) quiet_time: Duration,
    pub(super) lines: Lines,
    pub(super) stopping: CancellationToken,
}

/// Hears one request, answers it and closes.
pub(super) async fn serve(mut stream: TcpStream, peer: SocketAddr, context: Arc<Context>) {
    let lines = &context.lines;
    lines.say(Line::accepted(peer)).await;
    let (decoded, ended) = hear(&mut stream, &context).await;
    let answer = match decoded {
        Decoded::Request(request) => Some(context.service.answer(&request, random)),
        Decoded::Malformed(dialect, bad) => Some(Service::answer_malformed(dialect, &bad)),
        Decoded::Nothing => {
            lines.say(Line::silent()).await;
            None
        }
    };
    if let Some(Answer {
        lines: news,
        reply,
        stop,
    }) = answer
    {
        if stop {
            context.stopping.cancel();
        }
        for line in news {
            lines.say(line).await;
        }
        if let Err(error) = send(&mut stream, &reply).await {
            tracing::debug!(%peer, %error, "the client did not take its reply");
        } else if !ended {
            linger(&mut stream).await;
        }
    }
    drop(stream);
    lines.say(Line::closed()).await;
}

/// A number for a client, where it is not fixed.
///
/// # Panics
/// Where the operating system has no randomness to give.
fn random() -> InRange {
    InRange::from_random(getrandom::u64().expect("the operating system gives random bytes"))
}

/// Reads until the request has ended; also says whether the stream has.
async fn hear(stream: &mut TcpStream, context: &Context) -> (Decoded, bool) {
    let accepted = Instant::now();
    let mut decoder = Decoder::new(context.quiet_time);
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
            read = stream.read(&mut buffer) => match read {
                Ok(0) => return (decoder.handle_end(), true),
                Ok(count) => decoder.handle_bytes(&buffer[..count], accepted.elapsed()),
                Err(error) => {
                    tracing::debug!(%error, "a client's connection broke");
                    return (Decoded::Nothing, true);
                }
            },
            () = sleep_until(accepted + decoder.poll_timeout()) => {
                decoder.handle_timeout(accepted.elapsed())
            }
            () = &mut drained => Some(decoder.handle_end()),
        };
        if let Some(decoded) = decoded {
            return (decoded, false);
        }
    }
}

async fn send(stream: &mut TcpStream, reply: &[u8]) -> std::io::Result<()> {
    let sending = async {
        stream.write_all(reply).await?;
        stream.shutdown().await
    };
    timeout(REPLY_DEADLINE, sending).await?
}

/// Reads on for a little while: a close with unread bytes would be a reset, which may overtake the
/// reply.
async fn linger(stream: &mut TcpStream) {
    let mut scratch = [0; READ_BUFFER];
    let rest = async { while matches!(stream.read(&mut scratch).await, Ok(1..)) {} };
    // Whoever neither ends nor goes is left.
    let _ = timeout(LINGER, rest).await;
}
