//! Datagrams without any control: what a link does with more than it carries.

use std::env;
use std::net::{SocketAddr, UdpSocket};

use super::flow;
use crate::BenchResult;
use crate::report::say;

/// With their headers, they fill an Ethernet's MTU.
const BYTES: usize = 1472;
/// The receive buffer, for datagrams that wait while the receiver does not look.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Counts what comes in time after the first.
pub(crate) fn receive() -> BenchResult {
    let (address, time) = flow::place_and_time()?;
    let overflowed = flow::overflowed()?;
    let socket = UdpSocket::bind((address, 0))?;
    socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER)?;
    say(&format!("reached by {}", socket.local_addr()?));
    let mut datagram = [0; BYTES];
    socket.recv(&mut datagram)?;
    let (bytes, took) = flow::count(time, |left| {
        socket.set_read_timeout(Some(left))?;
        socket.recv(&mut datagram)
    })?;
    say(&flow::received(bytes, took, overflowed)?);
    Ok(())
}

/// Sends until it is killed.
pub(crate) fn send() -> BenchResult {
    let address = env::args().nth(3).ok_or("an address")?;
    let address: SocketAddr = address.parse()?;
    let unspecified = SocketAddr::new([0; 4].into(), 0);
    let socket = UdpSocket::bind(unspecified)?;
    socket.connect(address)?;
    loop {
        socket.send(&[0; BYTES])?;
    }
}
