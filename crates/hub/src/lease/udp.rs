//! The UDP side: a thread of its own that receives, decides and sends, a batch at a time.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use fleetlink_proto::lease::{Request, Transport};
use nix::sys::socket::{SockaddrIn, SockaddrIn6, SockaddrLike};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::batch::{Inbox, Outbox};
use super::requests::Asked;
use super::shared::{Shared, note_malformed};

/// The pause of receiving when the machine has no memory left.
const PAUSE: Duration = Duration::from_millis(100);

/// The thread, from outside.
pub(super) struct UdpServer {
    address: SocketAddr,
    ended: oneshot::Receiver<io::Result<()>>,
}

impl UdpServer {
    /// Serves `socket` until `stop`, which it notices within a tenth of a second.
    pub(super) fn start(
        socket: UdpSocket,
        address: SocketAddr,
        shared: Arc<Shared>,
        stop: CancellationToken,
    ) -> Self {
        let (end, ended) = oneshot::channel();
        std::thread::spawn(move || {
            let result = if address.is_ipv4() {
                serve::<SockaddrIn>(&socket, &shared, &stop)
            } else {
                serve::<SockaddrIn6>(&socket, &shared, &stop)
            };
            // The port is free before anybody hears of the end.
            drop(socket);
            let _ = end.send(result);
        });
        UdpServer { address, ended }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resolves when the thread has ended, with the reason.
    pub(super) async fn ended(&mut self) -> String {
        if self.ended.is_terminated() {
            return "UDP ended".to_owned();
        }
        match (&mut self.ended).await {
            Ok(Ok(())) => "UDP was told to stop".to_owned(),
            Ok(Err(error)) => format!("UDP: {error}"),
            Err(_) => "UDP panicked".to_owned(),
        }
    }
}

fn serve<S: SockaddrLike + Copy + Into<SocketAddr>>(
    socket: &UdpSocket,
    shared: &Shared,
    stop: &CancellationToken,
) -> io::Result<()> {
    let mut inbox = Inbox::<S>::new();
    let mut outbox = Outbox::new();
    while !stop.is_cancelled() {
        match inbox.receive(socket) {
            Ok(()) => {
                reply_to_all(&inbox, &mut outbox, shared);
                outbox.send(socket);
            }
            Err(error) => pass_over(error)?,
        }
    }
    Ok(())
}

/// Decides about a batch at one time, read after it was received.
fn reply_to_all<S: SockaddrLike + Copy + Into<SocketAddr>>(
    inbox: &Inbox<S>,
    outbox: &mut Outbox,
    shared: &Shared,
) {
    let (mut leases, now) = shared.lock();
    for (datagram, client) in inbox.datagrams() {
        match Request::parse(datagram) {
            Some(request) => {
                let reply = leases.handle_request(request, client, Transport::Udp, now);
                let asked = || Asked::Id(request.id);
                shared.show(Transport::Udp, client, now, asked, reply);
                if let Some(reply) = reply {
                    outbox.push(reply, client);
                }
            }
            // No reply: no help to whoever spoofs a source.
            None => {
                note_malformed(&mut leases, Transport::Udp, client, now);
                let asked = || Asked::Malformed(datagram.to_vec());
                shared.show(Transport::Udp, client, now, asked, None);
            }
        }
    }
}

/// Lets the errors pass that are not for ever.
fn pass_over(error: io::Error) -> io::Result<()> {
    match error.kind() {
        // The time to look for a stop.
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => Ok(()),
        // Linux reports these of an earlier packet, or when it has no memory.
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable => Ok(()),
        io::ErrorKind::OutOfMemory => {
            std::thread::sleep(PAUSE);
            Ok(())
        }
        _ => Err(error),
    }
}
