//! Both ends of a plain TCP connection.

use std::env;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::flow;
use crate::Outcome;
use crate::report::say;

const BLOCK: usize = 128 * 1024;

/// Takes from one connection what comes in time.
pub(crate) fn receive() -> Outcome {
    let arguments: Vec<String> = env::args().skip(3).collect();
    let [address, millis] = &arguments[..] else {
        return Err("an address, milliseconds".into());
    };
    let address: IpAddr = address.parse()?;
    let time = Duration::from_millis(millis.parse()?);
    let overflowed = flow::overflowed()?;
    let listener = TcpListener::bind((address, 0))?;
    say(&format!("reached by {}", listener.local_addr()?));
    let (mut stream, _) = listener.accept()?;
    let begun = Instant::now();
    let (mut bytes, mut block) = (0, vec![0; BLOCK]);
    while let Some(left) = time.checked_sub(begun.elapsed()).filter(|t| !t.is_zero()) {
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut block) {
            Ok(0) => return Err("the sender ended".into()),
            Ok(read) => bytes += read as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    say(&flow::received(bytes, begun.elapsed(), overflowed)?);
    Ok(())
}

/// Sends until the receiver has seen enough.
pub(crate) fn send() -> Outcome {
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
