//! Both ends of a plain TCP connection.

use std::env;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use socket2::{Domain, Socket, Type};

use super::flow;
use crate::BenchResult;
use crate::report::say;

const BLOCK: usize = 128 * 1024;

/// Takes from one connection what comes in time.
pub(crate) fn receive() -> BenchResult {
    let (address, time) = flow::place_and_time()?;
    let overflowed = flow::overflowed()?;
    let listener = TcpListener::bind((address, 0))?;
    say(&format!("reached by {}", listener.local_addr()?));
    let (mut stream, _) = listener.accept()?;
    let mut block = vec![0; BLOCK];
    let (bytes, took) = flow::count(time, |left| {
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut block)? {
            0 => Err(io::Error::other("the sender ended")),
            read => Ok(read),
        }
    })?;
    say(&flow::received(bytes, took, overflowed)?);
    Ok(())
}

/// Sends until the receiver has seen enough.
pub(crate) fn send() -> BenchResult {
    let arguments: Vec<String> = env::args().skip(3).collect();
    let [controller, address] = &arguments[..] else {
        return Err("a controller, an address".into());
    };
    let address: SocketAddr = address.parse()?;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    rustix::net::sockopt::set_tcp_congestion(&socket, controller)?;
    socket.connect(&address.into())?;
    let mut stream = TcpStream::from(socket);
    let block = vec![0; BLOCK];
    // It goes when it has seen enough.
    while stream.write_all(&block).is_ok() {}
    Ok(())
}
