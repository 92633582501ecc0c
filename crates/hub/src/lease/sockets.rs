//! The sockets of the lease service.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use fleetlink_proto::lease::Transport;
use nix::libc;
use nix::sys::socket::SetSockOpt as _;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::LeaseStartError;

/// Connections that wait to be accepted, as far as the machine allows (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;
/// Bytes of datagrams that wait, as far as the machine allows (`net.core.rmem_max`).
const RECEIVE_BUFFER: usize = 4 << 20;
/// The time between two looks of the UDP thread whether it should stop, if no datagram wakes it.
pub(super) const LOOK_FOR_STOP_EVERY: Duration = Duration::from_millis(100);
/// For how long the kernel keeps a connection without a byte of its own: once a SYN-ACK was sent
/// again, it hands it over, and our own deadline begins.
const DEFER_ACCEPT_SECONDS: usize = 1;
/// Free ports that are tried until one is free for both transports.
const PORT_TRIES: usize = 16;

/// The kernel hands over a connection with its first bytes (tcp(7)), so that most are served by
/// one look, without waiting for their request.
#[derive(Debug, Clone, Copy)]
struct TcpDeferAccept;

nix::setsockopt_impl!(
    TcpDeferAccept,
    libc::IPPROTO_TCP,
    libc::TCP_DEFER_ACCEPT,
    usize,
    nix::sys::socket::sockopt::SetUsize
);

/// The sockets of both transports, and where they are bound.
pub(super) struct Sockets {
    pub(super) udp: Option<(UdpSocket, SocketAddr)>,
    pub(super) tcp: Option<(TcpListener, SocketAddr)>,
}

impl Sockets {
    /// Binds what is wanted. The same address with port 0 for both becomes one port.
    pub(super) fn bind(
        udp: Option<SocketAddr>,
        tcp: Option<SocketAddr>,
    ) -> Result<Self, LeaseStartError> {
        let one_port = udp.is_some() && udp == tcp && udp.is_some_and(|wanted| wanted.port() == 0);
        let mut tries = if one_port { PORT_TRIES } else { 1 };
        loop {
            tries -= 1;
            let listener = tcp.map(listen).transpose()?;
            let mut wanted = udp;
            if let (true, Some(wanted), Some((_, address))) = (one_port, &mut wanted, &listener) {
                wanted.set_port(address.port());
            }
            match wanted.map(receive).transpose() {
                Ok(udp) => return Ok(Sockets { udp, tcp: listener }),
                Err(_) if tries > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn receive(address: SocketAddr) -> Result<(UdpSocket, SocketAddr), LeaseStartError> {
    let bind = || {
        // Without SO_REUSEADDR and SO_REUSEPORT: a second server on the port must be an error.
        let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
        socket.bind(&address.into())?;
        // What the machine does not allow, it cuts.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        let socket = UdpSocket::from(socket);
        socket.set_read_timeout(Some(LOOK_FOR_STOP_EVERY))?;
        let bound = socket.local_addr()?;
        Ok((socket, bound))
    };
    bind().map_err(|source| LeaseStartError {
        transport: Transport::Udp,
        address,
        source,
    })
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), LeaseStartError> {
    let bind = || {
        let socket = socket(address, Type::STREAM, Protocol::TCP)?;
        // For TCP this only lets a server start again while old connections fade (socket(7)).
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        if let Err(error) = TcpDeferAccept.set(&socket, &DEFER_ACCEPT_SECONDS) {
            tracing::debug!(%error, "without TCP_DEFER_ACCEPT");
        }
        socket.listen(BACKLOG)?;
        let listener = TcpListener::from_std(socket.into())?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    bind().map_err(|source| LeaseStartError {
        transport: Transport::Tcp,
        address,
        source,
    })
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        // `[::]` serves IPv4, too, whatever the machine's default.
        socket.set_only_v6(false)?;
    }
    Ok(socket)
}
