//! Datagrams as fast as replies come: a window of requests is always under way.

use std::array;
use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg};
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg};

use super::contender::Answered;
use crate::BenchResult;

const BATCH: usize = 64;
/// Requests under way: enough that the server never waits, few enough for its buffer.
const WINDOW: usize = 512;
/// A train of the window that is lost ends the wait for it.
const LOST_AFTER: Duration = Duration::from_millis(200);

/// Has `requests` requests answered.
pub(super) fn run(server: SocketAddr, requests: u32) -> BenchResult<Answered> {
    super::tcp_load::on_load_core(|| exchange(server, requests))
}

fn exchange(server: SocketAddr, requests: u32) -> BenchResult<Answered> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(LOST_AFTER))?;
    socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20)?;
    let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut replies = [[0; 64]; BATCH];
    let (mut answered, mut under_way, mut number) = (0, 0, 0);
    while answered < requests {
        while under_way + BATCH <= WINDOW {
            send(&socket, &mut number)?;
            under_way += BATCH;
        }
        let mut slices = replies.each_mut().map(|bytes| [IoSliceMut::new(bytes)]);
        let flags = MsgFlags::MSG_WAITFORONE;
        match recvmmsg(
            socket.as_raw_fd(),
            &mut headers,
            slices.iter_mut(),
            flags,
            None,
        ) {
            Ok(results) => {
                let count = results.count();
                answered += u32::try_from(count)?;
                under_way = under_way.saturating_sub(count);
            }
            Err(nix::errno::Errno::EAGAIN) => under_way = 0,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Answered {
        requests: answered,
        time: None,
    })
}

/// A batch of requests, each for the next id.
fn send(socket: &UdpSocket, number: &mut u32) -> BenchResult {
    let requests: [_; BATCH] = array::from_fn(|_| {
        *number = (*number + 1) % 10_000;
        request(*number)
    });
    let slices = requests.each_ref().map(|request| [IoSlice::new(request)]);
    let mut control: [_; BATCH] = array::from_fn(|_| SendAncillaryBuffer::default());
    let mut slices = slices.iter();
    let mut messages = control.each_mut().map(|control| {
        let slice = slices.next().map_or(&[][..], |slice| &slice[..]);
        MMsgHdr::new(slice, control)
    });
    sendmmsg(socket, &mut messages, SendFlags::empty())?;
    Ok(())
}

/// `HELLO <id>`.
pub(super) fn request(number: u32) -> [u8; 10] {
    let mut request = *b"HELLO 0000";
    for (place, unit) in [1000, 100, 10, 1].into_iter().enumerate() {
        request[6 + place] += u8::try_from(number / unit % 10).unwrap_or(0);
    }
    request
}
