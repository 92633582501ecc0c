//! The cost of the kernel and tokio without any protocol: servers that run as processes of their
//! own.

use std::array;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg};
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::say;
use crate::BenchResult;
use crate::crowd::runtime;

const BATCH: usize = 64;
const BYTES: usize = 64;
/// As the lease service asks for.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Sends every datagram back, in batches as the lease service does.
pub(crate) fn udp_echo() -> BenchResult {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER)?;
    say(&format!("listening on {}", socket.local_addr()?))?;
    let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut bytes = [[0; BYTES]; BATCH];
    let mut received: Vec<(usize, SocketAddrAny)> = Vec::with_capacity(BATCH);
    loop {
        received.clear();
        let mut slices = bytes.each_mut().map(|bytes| [IoSliceMut::new(bytes)]);
        let flags = MsgFlags::MSG_WAITFORONE;
        let results = recvmmsg(
            socket.as_raw_fd(),
            &mut headers,
            slices.iter_mut(),
            flags,
            None,
        )?;
        received.extend(results.filter_map(|result| {
            Some((
                result.bytes,
                SocketAddrAny::from(SocketAddr::from(result.address?)),
            ))
        }));
        send_back(&socket, &bytes, &received)?;
    }
}

fn send_back(
    socket: &UdpSocket,
    bytes: &[[u8; BYTES]; BATCH],
    received: &[(usize, SocketAddrAny)],
) -> io::Result<()> {
    let last = received.len() - 1;
    let slices: [_; BATCH] =
        array::from_fn(|n| [IoSlice::new(&bytes[n][..received[n.min(last)].0])]);
    let mut control: [_; BATCH] = array::from_fn(|_| SendAncillaryBuffer::default());
    let mut n = 0;
    let mut messages = control.each_mut().map(|control| {
        let message = MMsgHdr::new_with_addr(&received[n.min(last)].1, &slices[n], control);
        n += 1;
        message
    });
    sendmmsg(socket, &mut messages[..received.len()], SendFlags::empty())?;
    Ok(())
}

/// Reads once, writes as many bytes as an OK has, and closes as the lease service does: shut down,
/// drain, close.
pub(crate) fn tcp_server() -> BenchResult {
    runtime()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        say(&format!("listening on {}", listener.local_addr()?))?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(serve(stream));
        }
    })
}

async fn serve(mut stream: TcpStream) {
    let mut buffer = [0; BYTES];
    // A load generator that ends leaves connections behind.
    let _ = async {
        if stream.read(&mut buffer).await? == 0 {
            return Ok(());
        }
        stream.write_all(b"OK 1234 127.0.0.1 50000").await?;
        stream.shutdown().await?;
        while stream.read(&mut buffer).await? > 0 {}
        io::Result::Ok(())
    }
    .await;
}
