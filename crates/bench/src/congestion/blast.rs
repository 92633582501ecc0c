//! Datagrams without any control: what a link does with more than it carries.

use std::env;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::flow;
use crate::Outcome;
use crate::report::say;

/// With their headers, they fill an Ethernet's MTU.
const BYTES: usize = 1472;
/// What waits while the receiver does not look.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Counts what comes in time after the first.
pub(crate) fn receive() -> Outcome {
    let arguments: Vec<String> = env::args().skip(3).collect();
    let [address, millis] = &arguments[..] else {
        return Err("an address, milliseconds".into());
    };
    let address: IpAddr = address.parse()?;
    let time = Duration::from_millis(millis.parse()?);
    let overflowed = flow::overflowed()?;
    let socket = UdpSocket::bind((address, 0))?;
    socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER)?;
    say(&format!("reached by {}", socket.local_addr()?));
    let mut datagram = [0; BYTES];
    socket.recv(&mut datagram)?;
    let (begun, mut bytes) = (Instant::now(), 0);
    while let Some(left) = time.checked_sub(begun.elapsed()).filter(|t| !t.is_zero()) {
        socket.set_read_timeout(Some(left))?;
        match socket.recv(&mut datagram) {
            Ok(read) => bytes += read as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    say(&flow::received(bytes, begun.elapsed(), overflowed)?);
    Ok(())
}

/// Sends until it is killed.
pub(crate) fn send() -> Outcome {
    let address = env::args().nth(3).ok_or("an address")?;
    let address: SocketAddr = address.parse()?;
    let unspecified = SocketAddr::new([0; 4].into(), 0);
    let socket = UdpSocket::bind(unspecified)?;
    socket.connect(address)?;
    loop {
        socket.send(&[0; BYTES])?;
    }
}
