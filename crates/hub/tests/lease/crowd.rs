//! Thousands of clients that say nothing, or only half of a request.

use std::io::Write;
use std::net::TcpStream;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::fixture::{Service, ask, ask_tcp, udp_client};

const SILENT: u64 = 5_000;

#[test]
fn five_thousand_silent_connections_hold_up_nobody() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    // Both ends are in this process. Where it may not have so many, as many as it may.
    let most = limit.current.unwrap_or(u64::MAX).saturating_sub(1_000) / 2;
    let service = Service::start("127.0.0.1:0");
    let socket = udp_client(service.udp);
    let mut silent = Vec::new();
    for n in 0..SILENT.min(most) {
        let mut stream = TcpStream::connect(service.tcp).unwrap();
        if n % 2 == 0 {
            // The kernel hands over only those that have begun.
            stream.write_all(b"HELLO").unwrap();
        }
        silent.push(stream);
        if n % 100 == 0 {
            let id = n / 100;
            let reply = ask_tcp(service.tcp, &[format!("HELLO {id:04}").as_bytes()]);
            assert!(reply.starts_with("OK"), "with {n} silent: {reply:?}");
            let reply = ask(&socket, format!("HELLO 1{id:03}").as_bytes());
            assert!(reply.starts_with("OK"), "with {n} silent: {reply:?}");
        }
    }
    for id in 2_000..2_200 {
        let reply = ask_tcp(service.tcp, &[format!("HELLO {id}").as_bytes()]);
        assert!(reply.starts_with("OK"), "{reply:?}");
    }
    drop(silent);
    let _ = service.close();
}
