//! The TCP side: one request a connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use fleetlink_proto::lease::limits::{DRAIN_DEADLINE, MAX_DRAINED_BYTES, REQUEST_DEADLINE};
use fleetlink_proto::lease::{Reply, Request, RequestReader, RequestState, Transport};
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::requests::Asked;
use super::shared::{Shared, note_malformed};

/// Bytes of one read: more than a request, so that what follows it in the same read is seen.
const READ_BYTES: usize = 64;

/// The request of a connection.
enum Heard {
    Request(Request),
    /// These bytes, or the first of them.
    Malformed(Vec<u8>),
    /// It ended, or the time was over, before a request was whole.
    Silence,
}

/// Serves one connection: a request, its reply, and a close that resets nothing.
pub(super) async fn serve(
    stream: TcpStream,
    client: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
) {
    let heard = hear(&stream, &stop).await;
    if let Some(reply) = decide(heard, client, &shared)
        && let Err(error) = send(&stream, &reply)
    {
        tracing::debug!(%error, "a reply was not sent");
    }
    close(stream).await;
}

/// Reads until the request is decided.
async fn hear(stream: &TcpStream, stop: &CancellationToken) -> Heard {
    let mut reader = RequestReader::default();
    // With TCP_DEFER_ACCEPT the request is nearly always here already; then no timer is set and
    // the socket's readiness never asked for.
    if let Some(heard) = handle_read(&mut reader, |buffer| receive(stream, buffer)) {
        return heard;
    }
    let rest = async {
        loop {
            if stream.readable().await.is_err() {
                return Heard::Silence;
            }
            if let Some(heard) = handle_read(&mut reader, |buffer| stream.try_read(buffer)) {
                return heard;
            }
        }
    };
    tokio::select! {
        heard = timeout(REQUEST_DEADLINE, rest) => heard.unwrap_or(Heard::Silence),
        () = stop.cancelled() => Heard::Silence,
    }
}

/// One read; `None` where more has to come.
fn handle_read(
    reader: &mut RequestReader,
    read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
) -> Option<Heard> {
    let mut buffer = [0; READ_BYTES];
    let before = reader.bytes().len();
    match read(&mut buffer) {
        Ok(0) if before > 0 => Some(Heard::Malformed(reader.bytes().to_vec())),
        Ok(0) => Some(Heard::Silence),
        Ok(length) => match reader.handle_read(&buffer[..length]) {
            RequestState::Incomplete => None,
            RequestState::Complete(request) => Some(Heard::Request(request)),
            RequestState::Malformed => {
                let bytes = [&reader.bytes()[..before], &buffer[..length]].concat();
                Some(Heard::Malformed(bytes))
            }
        },
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        Err(_) => Some(Heard::Silence),
    }
}

fn decide(heard: Heard, client: SocketAddr, shared: &Shared) -> Option<Reply> {
    let (mut leases, now) = shared.lock();
    let (asked, reply) = match heard {
        Heard::Request(request) => {
            let reply = leases.handle_request(request, client, Transport::Tcp, now);
            (Asked::Id(request.id), reply)
        }
        Heard::Malformed(bytes) => {
            note_malformed(&mut leases, Transport::Tcp, client, now);
            (Asked::Malformed(bytes), None)
        }
        Heard::Silence => {
            leases.handle_silence();
            (Asked::Nothing, None)
        }
    };
    shared.show(Transport::Tcp, client, now, || asked, reply);
    reply
}

/// Hands the reply to the kernel, which keeps it until the FIN that follows at once rides on it.
fn send(stream: &TcpStream, reply: &Reply) -> io::Result<()> {
    let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
    // The send buffer of a new connection has room for it.
    rustix::net::send(stream, reply.as_bytes(), flags)?;
    Ok(())
}

/// Closes after the client's own end, or a second: closed with unread bytes, or before later ones
/// come, the kernel would reset the connection, and the client could lose the reply (RFC 9293,
/// section 3.10.4; RFC 1122, section 4.2.2.13).
async fn close(stream: TcpStream) {
    if rustix::net::shutdown(&stream, Shutdown::Write).is_err() {
        return;
    }
    let mut left = MAX_DRAINED_BYTES;
    if drained(&mut left, |buffer| receive(&stream, buffer)) {
        return;
    }
    let draining = async {
        while stream.readable().await.is_ok()
            && !drained(&mut left, |buffer| stream.try_read(buffer))
        {}
    };
    // Whoever does not end in time may be reset.
    let _ = timeout(DRAIN_DEADLINE, draining).await;
}

/// Reads away what is there; whether nothing more is to come, or to be taken.
fn drained(left: &mut usize, read: impl Fn(&mut [u8]) -> io::Result<usize>) -> bool {
    let mut buffer = [0; 1024];
    loop {
        match read(&mut buffer) {
            Ok(0) => return true,
            Ok(length) if length < *left => *left -= length,
            Ok(_) => return true,
            Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

/// Reads what is there without asking tokio, which knows of a socket's readiness only after its
/// first event.
fn receive(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let (_, length) = rustix::net::recv(stream, buffer, RecvFlags::DONTWAIT)?;
    Ok(length)
}
