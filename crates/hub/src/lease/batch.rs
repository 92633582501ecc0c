//! Datagrams in batches: one system call receives up to a batch, and one sends its replies.
//!
//! Received with `nix`, because `rustix` has no recvmmsg; sent with `rustix`, because `nix` does
//! not say how many were sent, and one reply that cannot be sent must not take others with it.

use std::array;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;

use fleetlink_proto::lease::{Reply, limits::MAX_SHOWN_BYTES};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrLike, recvmmsg};
use rustix::io::Errno;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};

/// Datagrams of one system call.
pub(super) const BATCH: usize = 64;
/// More than a request, and what is shown of malformed input: a longer datagram is cut, and
/// malformed by its length.
const DATAGRAM_BYTES: usize = MAX_SHOWN_BYTES + 1;

/// Received datagrams. `S` is the address family of the socket.
pub(super) struct Inbox<S> {
    headers: MultiHeaders<S>,
    bytes: [[u8; DATAGRAM_BYTES]; BATCH],
    received: Vec<(usize, SocketAddr)>,
}

impl<S: SockaddrLike + Copy + Into<SocketAddr>> Inbox<S> {
    pub(super) fn new() -> Self {
        Inbox {
            headers: MultiHeaders::preallocate(BATCH, None),
            bytes: [[0; DATAGRAM_BYTES]; BATCH],
            received: Vec::with_capacity(BATCH),
        }
    }

    /// Waits for a datagram, as long as the socket's time-out, and takes what else is there.
    pub(super) fn receive(&mut self, socket: &UdpSocket) -> io::Result<()> {
        self.received.clear();
        let mut slices = self.bytes.each_mut().map(|bytes| [IoSliceMut::new(bytes)]);
        let results = recvmmsg(
            socket.as_raw_fd(),
            &mut self.headers,
            slices.iter_mut(),
            MsgFlags::MSG_WAITFORONE,
            None,
        )?;
        // Every datagram of an IP socket has a source.
        let datagrams = results.filter_map(|result| Some((result.bytes, result.address?.into())));
        self.received.extend(datagrams);
        Ok(())
    }

    /// The datagrams that the last call received, and their sources.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = (&[u8], SocketAddr)> {
        let received = self.bytes.iter().zip(&self.received);
        received.map(|(bytes, &(length, from))| (&bytes[..length.min(DATAGRAM_BYTES)], from))
    }
}

/// Replies of one batch.
pub(super) struct Outbox {
    replies: Vec<Reply>,
    clients: Vec<SocketAddrAny>,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Outbox {
            replies: Vec::with_capacity(BATCH),
            clients: Vec::with_capacity(BATCH),
        }
    }

    /// Adds a reply. At most [`BATCH`] may wait.
    pub(super) fn push(&mut self, reply: Reply, client: SocketAddr) {
        self.replies.push(reply);
        self.clients.push(client.into());
    }

    /// Sends all. One that cannot be sent, to port 0 or without a route, is left out.
    pub(super) fn send(&mut self, socket: &UdpSocket) {
        let mut next = 0;
        while next < self.replies.len() {
            match send_some(socket, &self.replies[next..], &self.clients[next..]) {
                Ok(sent) => next += sent,
                Err(Errno::INTR) => {}
                Err(error) => {
                    let client = SocketAddr::try_from(self.clients[next].clone()).ok();
                    tracing::trace!(?client, %error, "a reply was not sent");
                    next += 1;
                }
            }
        }
        self.replies.clear();
        self.clients.clear();
    }
}

/// Sends a batch and returns how many went; an error is the first one's.
fn send_some(
    socket: &UdpSocket,
    replies: &[Reply],
    clients: &[SocketAddrAny],
) -> rustix::io::Result<usize> {
    let count = replies.len().min(BATCH);
    // Places behind the last reply are filled with it, and not sent.
    let last = count - 1;
    let bytes: [_; BATCH] = array::from_fn(|n| [IoSlice::new(replies[n.min(last)].as_bytes())]);
    let mut control: [_; BATCH] = array::from_fn(|_| SendAncillaryBuffer::default());
    let mut n = 0;
    let mut messages = control.each_mut().map(|control| {
        let message = MMsgHdr::new_with_addr(&clients[n.min(last)], &bytes[n], control);
        n += 1;
        message
    });
    sendmmsg(socket, &mut messages[..count], SendFlags::empty())
}
