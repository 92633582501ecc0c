//! One connection of a device: bytes in, bytes out. What they mean is decided by the core.

mod claims;
mod contained;
mod download;
mod order;
mod outbox;
mod proof;
mod reader;
mod spans;
#[cfg(test)]
mod tests;
mod unread;
mod upload;
mod wait;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fleetlink_core::{Input, SessionId};
use fleetlink_proto::control::{EndReason, HubNotification, limits};
use fleetlink_proto::signed::Channel;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Span;

pub(crate) use self::claims::{Claimed, Claims};
use self::download::Downloads;
use self::order::Order;
use self::outbox::Outbox;
use self::reader::Reader;
pub(crate) use self::spans::{Spans, connection};
pub(crate) use self::unread::HubUnread;
use self::upload::Uploads;
pub(crate) use self::upload::{HubUploads, stage as stage_upload};
use self::wait::HubTurn;
use crate::driver::{DriverHandle, Event, SessionCommand};
use crate::identity::Shown;
use crate::metrics::Meters;
use crate::store::Store;
use crate::traffic::{Flow, Traffic};

/// Commands of the driver that may wait for a session: an answer to every request in flight and
/// what ends it. A session that lets it overflow is ended.
const COMMAND_QUEUE: usize = limits::MAX_REQUESTS_IN_FLIGHT + 16;
/// The time for which the hub reads on after its last line, so that the close does not destroy the line on
/// the way (RFC 1122, section 4.2.2.13).
const LINGER: Duration = Duration::from_secs(1);
/// The time that a device has to receive the end of its session, behind the replies that it has not read
/// yet.
const LAST_WORD: Duration = Duration::from_secs(5);

/// The parts of the hub that every session needs.
pub(crate) struct SessionContext {
    pub(crate) driver: DriverHandle,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keep_alive: Duration,
    pub(crate) claims: Claims,
    pub(crate) unread: HubUnread,
    pub(crate) uploads: HubUploads,
    pub(crate) traffic: Traffic,
    pub(crate) meters: Arc<Meters>,
}

/// The result of a TLS handshake.
pub(crate) struct Secured {
    pub(crate) channel: Channel,
    /// The identity that the device was shown.
    pub(crate) shown: Arc<Shown>,
}

/// Serves one connection, whose span is the current one, until either side ends it.
pub(crate) async fn serve<S>(
    stream: S,
    session: SessionId,
    peer: SocketAddr,
    secured: Option<Secured>,
    flow: Flow,
    hub: Arc<SessionContext>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (commands, orders) = mpsc::channel(COMMAND_QUEUE);
    let (overflow, over) = (CancellationToken::new(), CancellationToken::new());
    let spans = Spans::new(Span::current(), Arc::clone(&hub.meters));
    let opened = Event::Opened {
        session,
        peer,
        commands,
        overflow: overflow.clone(),
        over: over.clone(),
        spans: spans.clone(),
        flow,
    };
    if hub.driver.send(opened).await.is_err() {
        return;
    }
    let (incoming, outgoing) = tokio::io::split(stream);
    let (outbox, writer) = outbox::open(hub.unread.clone(), overflow.clone(), spans);
    // No task of its own: an answer would wake one more.
    let mut writing = pin!(outbox::write(outgoing, writer));
    let turn = HubTurn::new(hub.driver.clone(), session, hub.keep_alive);
    let order = Order::new(hub.driver.clone(), session);
    let uploads = Uploads::new(turn.clone(), hub.clone(), outbox.clone(), order.clone());
    let downloads = Downloads::new(turn.clone(), hub.clone(), outbox.clone(), order);
    let mut reader = Reader::new(
        turn,
        secured,
        &hub,
        incoming,
        outbox.clone(),
        uploads.clone(),
        downloads.clone(),
    );

    let ended = tokio::select! {
        () = reader.run() => Ended::ByDevice,
        () = obey(orders, &over, &outbox, &uploads, &downloads) => Ended::ByHub,
        () = outlive(&over, &uploads, &downloads) => Ended::Unheard,
        () = overflow.cancelled() => Ended::Unread,
        written = &mut writing => match written {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ended::Unread,
            _ => Ended::Unheard,
        },
    };
    let input = match ended {
        Ended::Unread => {
            tracing::info!("ended: the device does not read its answers");
            Input::Unread { session }
        }
        Ended::ByDevice | Ended::ByHub | Ended::Unheard => {
            if outbox.is_logged_in() {
                tracing::info!("session ended");
            } else {
                tracing::debug!("session ended");
            }
            Input::Disconnected { session }
        }
    };
    // The driver may be gone already at the end of the hub.
    let _ = hub.driver.input(input).await;
    let rest = reader.into_stream();
    downloads.cancel_all();
    if matches!(ended, Ended::Unread | Ended::Unheard) {
        return;
    }
    let closing = async { tokio::join!(outbox.close(), &mut writing) };
    let closed = Box::pin(timeout(limits::WRITE_DEADLINE, closing)).await;
    if closed.is_ok() && ended == Ended::ByHub {
        Box::pin(linger(rest)).await;
    }
}

/// Waits until the core has ended the session, then stops what still goes in and out: whatever the
/// device has not taken yet, it gets no more of the files. Resolves where it does not take the last
/// word either.
async fn outlive(over: &CancellationToken, uploads: &Uploads, downloads: &Downloads) {
    over.cancelled().await;
    downloads.cancel_all();
    uploads.interrupt_all();
    sleep(LAST_WORD).await;
}

/// The side that ended a session.
#[derive(PartialEq, Eq)]
enum Ended {
    ByDevice,
    ByHub,
    /// The device takes nothing more, so nobody can tell it anything.
    Unread,
    /// The connection is gone.
    Unheard,
}

/// Does what the driver says until it says that the session is over.
async fn obey(
    mut orders: mpsc::Receiver<Box<SessionCommand>>,
    over: &CancellationToken,
    outbox: &Outbox,
    uploads: &Uploads,
    downloads: &Downloads,
) {
    while let Some(order) = orders.recv().await {
        match *order {
            SessionCommand::Reply { id, result } => {
                uploads.replied(&id, &result);
                downloads.replied(&id, &result);
                outbox.reply(&id, result).await;
            }
            // What was allowed before the core has ended the session does not begin any more.
            SessionCommand::StartUpload(_) | SessionCommand::StartDownload(_)
                if over.is_cancelled() => {}
            SessionCommand::StartUpload(start) => uploads.start(start),
            SessionCommand::StartDownload(start) => downloads.start(start),
            SessionCommand::End { reason, message } => {
                return outbox
                    .notify(&HubNotification::SessionEnd { reason, message })
                    .await;
            }
            SessionCommand::Close => return,
        }
    }
    // The driver is gone: the hub ended before it could say so.
    let message = "the hub is shutting down".to_owned();
    let reason = EndReason::HubClosing;
    outbox
        .notify(&HubNotification::SessionEnd { reason, message })
        .await;
}

async fn linger(mut stream: impl AsyncRead + Unpin) {
    let mut scratch = vec![0; 4096];
    let silence = async { while matches!(stream.read(&mut scratch).await, Ok(1..)) {} };
    let _ = timeout(LINGER, silence).await;
}
