//! The checks of a server's TCP connections.

use std::io;
use std::time::Duration;

use fleetlink_proto::lease::{LeaseId, Request, ServerReply};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::asking::{REPLY_WITHIN, Target, no_server};
use super::exchange::{End, connect, read_reply};
use crate::{CheckResult, Finding, shown};

/// Between two pieces of a request: enough for each to be a read of its own.
const BETWEEN_PIECES: Duration = Duration::from_millis(150);
/// Requests in pieces: a server that stalls may read two pieces at once and look right.
const IN_PIECES: usize = 3;
/// Connections that say nothing.
const SILENT: usize = 8;
/// The time for a silent connection: a server with a full queue need not accept more of them.
const SILENT_CONNECTS_WITHIN: Duration = Duration::from_secs(2);
/// Long enough for silent clients to be accepted before the good one.
const ACCEPTED: Duration = Duration::from_millis(100);
/// The time for a server to close after its reply.
const CLOSES_WITHIN: Duration = Duration::from_secs(5);

/// A connection and what went wrong with it.
async fn open(target: &Target) -> Result<TcpStream, Finding> {
    connect(target.server).await.map_err(|e| no_server(&e))
}

/// A request in three pieces.
pub(super) async fn pieces(target: Target) -> CheckResult {
    let mut last = Finding::pass();
    for _ in 0..IN_PIECES {
        last = one_in_pieces(&target).await?;
    }
    Ok(last)
}

async fn one_in_pieces(target: &Target) -> CheckResult {
    let id = target.new_id();
    let request = Request::encode(id);
    let mut stream = open(target).await?;
    target.trace.note(&request[..3]);
    let pieces = [&request[..3], &request[3..8], &request[8..]];
    let sending = async {
        for piece in pieces {
            stream.write_all(piece).await?;
            sleep(BETWEEN_PIECES).await;
        }
        stream.shutdown().await
    };
    // What a server does not take shows in what it answers.
    let _: io::Result<()> = sending.await;
    let (reply, _) = read_reply(&mut stream, REPLY_WITHIN).await;
    let sent = pieces.map(shown).join(" | ");
    match ServerReply::parse(&reply) {
        Ok(parsed) if parsed.id() == id => Ok(Finding::pass().sent(sent).came(shown(&reply))),
        _ => Err(Finding::fail("a request may arrive in pieces")
            .sent(sent)
            .came(shown(&reply))
            .expected(format!("OK {id} …"))),
    }
}

/// Others are served while some clients say nothing, or only half of a request.
pub(super) async fn silence(target: Target) -> CheckResult {
    let mut silent = Vec::new();
    for n in 0..SILENT {
        match timeout(SILENT_CONNECTS_WITHIN, connect(target.server)).await {
            Err(_) => break,
            Ok(Err(error)) => return Err(no_server(&error)),
            Ok(Ok(mut stream)) => {
                target.trace.note(b"");
                if n % 2 == 1 {
                    // A server that closed it is not held up by it.
                    let _ = stream.write_all(b"HELLO").await;
                }
                silent.push(stream);
            }
        }
    }
    sleep(ACCEPTED).await;
    let count = silent.len();
    let answered = target.answered().await;
    drop(silent);
    let asked = answered.map_err(|finding| {
        let why = format!("with {count} clients that say nothing, another gets no reply in time");
        finding.but_unless_gone(why)
    })?;
    // Those clients have gone now: that, too, does no harm.
    target.answered().await?;
    Ok(asked.pass())
}

/// A request is answered while the client's side of the stream is open.
pub(super) async fn no_end(target: Target) -> CheckResult {
    let id = target.new_id();
    let (_, reply, _) = ask_openly(&target, id).await?;
    let why = "ten bytes are a request: it is answered before the client ends its side";
    match ServerReply::parse(&reply) {
        Ok(parsed) if parsed.id() == id => Ok(Finding::pass().came(shown(&reply))),
        _ => Err(Finding::fail(why)
            .sent(request(id))
            .came(shown(&reply))
            .expected(format!("OK {id} …"))),
    }
}

/// The server ends each connection by itself, and in order.
pub(super) async fn close(target: Target) -> CheckResult {
    let granted = target.new_id();
    for id in [granted, granted, target.new_id()] {
        let (mut stream, reply, end) = ask_openly(&target, id).await?;
        let end = match end {
            End::Open => drain(&mut stream).await,
            end => end,
        };
        let (why, came) = match end {
            End::Closed => continue,
            End::Open => (
                "the server closes the connection after its reply",
                "no close",
            ),
            End::Reset => ("the server closes without a reset", "a reset"),
        };
        let came = format!("{}, and {came}", shown(&reply));
        return Err(Finding::fail(why).sent(request(id)).came(came));
    }
    let finding = Finding::pass().came("a reply and a close, for OK and RESET");
    if survives_a_late_line_end(&target).await? {
        return Ok(finding);
    }
    Ok(finding.remark(
        "a line end that comes after the reply resets the connection, and a slow client may lose \
         the reply: shut down the sending side, read what is left for a moment, then close",
    ))
}

fn request(id: LeaseId) -> String {
    shown(&Request::encode(id))
}

/// Asks without a half-close.
async fn ask_openly(target: &Target, id: LeaseId) -> Result<(TcpStream, Vec<u8>, End), Finding> {
    let mut stream = open(target).await?;
    let request = Request::encode(id);
    // What a server does not take shows in what it answers.
    let _ = stream.write_all(&request).await;
    let (reply, end) = read_reply(&mut stream, REPLY_WITHIN).await;
    target.trace.note(&request);
    Ok((stream, reply, end))
}

async fn drain(stream: &mut TcpStream) -> End {
    let mut buffer = [0; 1024];
    let draining = async {
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) => return End::Closed,
                Ok(_) => {}
                Err(_) => return End::Reset,
            }
        }
    };
    timeout(CLOSES_WITHIN, draining).await.unwrap_or(End::Open)
}

/// Whether a client that sends its line end late still gets an orderly end.
async fn survives_a_late_line_end(target: &Target) -> Result<bool, Finding> {
    let id = target.new_id();
    let mut stream = open(target).await?;
    let exchange = async {
        stream.write_all(&Request::encode(id)).await?;
        sleep(BETWEEN_PIECES).await;
        // A reset that came meanwhile is this write's error.
        stream.write_all(b"\n").await?;
        let mut reply = Vec::new();
        let mut bounded = (&mut stream).take(4096);
        bounded.read_to_end(&mut reply).await?;
        Ok::<_, io::Error>(reply)
    };
    let reply = timeout(CLOSES_WITHIN, exchange).await;
    target.trace.note(&Request::encode(id));
    Ok(matches!(reply, Ok(Ok(reply)) if !reply.is_empty()))
}
