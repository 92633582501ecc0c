//! The rules of the drivers, beside those of the protocol.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use fleetlink_hub::{Clock, LeasesEnded};
use fleetlink_proto::lease::LeaseSettings;
use tokio::runtime::Runtime;

use crate::fixture::{DEADLINE, Service, ask, ask_tcp, receive, try_start, udp_client};

const LOOPBACK: &str = "127.0.0.1:0";

#[test]
fn both_transports_share_a_port_and_a_table() {
    let service = Service::start(LOOPBACK);
    assert_eq!(service.udp, service.tcp);
    let socket = udp_client(service.udp);
    let port = socket.local_addr().unwrap().port();
    assert_eq!(
        ask(&socket, b"HELLO 0042"),
        format!("OK 0042 127.0.0.1 {port}")
    );
    assert_eq!(ask_tcp(service.tcp, &[b"HELLO 0042\n"]), "RESET 0042\n");
    assert!(ask_tcp(service.tcp, &[b"HELLO 4200"]).starts_with("OK 4200 127.0.0.1 "));
    assert_eq!(ask(&socket, b"HELLO 4200\r\n"), "RESET 4200\n");
    let counts = service.close();
    assert_eq!((counts.udp.granted, counts.udp.in_use), (1, 1));
    assert_eq!((counts.tcp.granted, counts.tcp.in_use), (1, 1));
}

#[test]
fn the_clock_alone_frees_ids() {
    let service = Service::start(LOOPBACK);
    let socket = udp_client(service.udp);
    let granted = |reply: String| reply.starts_with("OK");
    let mut expected = Vec::new();
    let mut seen = Vec::new();
    for (millis, free) in [
        (0, true),
        (29_999, false),
        (30_000, true),
        (59_999, false),
        (60_000, true),
    ] {
        service.set_time(Duration::from_millis(millis));
        seen.push(granted(ask(&socket, b"HELLO 7777")));
        expected.push(free);
    }
    assert_eq!(seen, expected);
    service.set_time(Duration::from_secs(90));
    assert!(granted(ask_tcp(service.tcp, &[b"HELLO 7777"])));
}

#[test]
fn ipv6_is_served_and_shows_ipv4_clients_as_ipv4() {
    let service = Service::start("[::]:0");
    let port = service.udp.port();
    let v6 = udp_client(format!("[::1]:{port}").parse().unwrap());
    let client = v6.local_addr().unwrap().port();
    assert_eq!(ask(&v6, b"HELLO 0001"), format!("OK 0001 ::1 {client}"));
    let v4 = udp_client(format!("127.0.0.1:{port}").parse().unwrap());
    let client = v4.local_addr().unwrap().port();
    assert_eq!(
        ask(&v4, b"HELLO 0002"),
        format!("OK 0002 127.0.0.1 {client}")
    );
    let reply = ask_tcp(
        format!("127.0.0.1:{port}").parse().unwrap(),
        &[b"HELLO 0003"],
    );
    assert!(reply.starts_with("OK 0003 127.0.0.1 "), "{reply}");
}

#[test]
fn malformed_datagrams_get_no_answer() {
    let service = Service::start(LOOPBACK);
    let socket = udp_client(service.udp);
    let long = [b'H'; 1400];
    let inputs = [
        &b""[..],
        b"HELLO",
        b"HELLO 12345",
        b"HELLO abcd",
        &long,
        b"\xff\0",
    ];
    for input in inputs {
        socket.send(input).unwrap();
    }
    // The first reply is to the first request.
    assert!(ask(&socket, b"HELLO 1234").starts_with("OK 1234"));
    assert_eq!(service.counts().udp.malformed, 6);
    assert_eq!(service.counts().udp.granted, 1);
}

#[test]
fn a_connection_is_closed_without_a_reset() {
    let service = Service::start(LOOPBACK);
    for (pieces, reply) in [
        (&[&b"HELLO 0007\n"[..]][..], "OK 0007"),
        (&[b"HEL", b"LO 00", b"07"], "RESET 0007"),
        (&[b"HELLO 0007", b" and later bytes"], ""),
        (&[b"GET / HTTP/1.1\r\n\r\n"], ""),
        (&[b"HELLO 000"], ""),
        (&[b""], ""),
    ] {
        let came = ask_tcp(service.tcp, pieces);
        // How writes become reads is the kernel's choice; later bytes of their own are not looked
        // at.
        let apart = reply.is_empty() && came == "RESET 0007";
        assert!(apart || came.starts_with(reply), "{pieces:?}: {came}");
        assert_eq!(
            came.is_empty(),
            reply.is_empty() && !apart,
            "{pieces:?}: {came}"
        );
    }
    // Without the client's half-close, and with a line end that comes late.
    let mut stream = TcpStream::connect(service.tcp).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(b"HELLO 0008").unwrap();
    let mut reply = [0; 7];
    stream.read_exact(&mut reply).unwrap();
    stream.write_all(b"\r\n").unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(&reply, b"OK 0008");
}

#[test]
fn a_second_server_on_a_port_is_an_error() {
    let service = Service::start(LOOPBACK);
    let runtime = Runtime::new().unwrap();
    let clock = Clock::default();
    let second = try_start(&runtime, service.udp, LeaseSettings::default(), clock);
    let message = second.err().unwrap().to_string();
    assert!(message.contains(&service.udp.to_string()), "{message}");
    // And the port is free again once the first is closed.
    let address = service.udp;
    service.close();
    try_start(
        &runtime,
        address,
        LeaseSettings::default(),
        Clock::default(),
    )
    .unwrap();
}

#[test]
fn limits_of_a_source_are_kept_over_both_transports() {
    let settings = LeaseSettings {
        max_per_source: Some(3),
        max_rate: Some(8),
        ..LeaseSettings::default()
    };
    let service = Service::start_with(LOOPBACK, settings);
    let socket = udp_client(service.udp);
    for id in ["0001", "0002"] {
        assert!(ask(&socket, format!("HELLO {id}").as_bytes()).starts_with("OK"));
    }
    assert!(ask_tcp(service.tcp, &[b"HELLO 0003"]).starts_with("OK"));
    assert_eq!(ask_tcp(service.tcp, &[b"HELLO 0004"]), "RESET 0004");
    for _ in 0..4 {
        assert_eq!(ask(&socket, b"HELLO 0005"), "RESET 0005");
    }
    assert_eq!(ask_tcp(service.tcp, &[b"HELLO 0006"]), "", "too fast");
    socket.send(b"HELLO 0006").unwrap();
    // A reply is sent again once the source has rested.
    while service.counts().udp.over_rate == 0 {
        std::thread::yield_now();
    }
    service.set_time(Duration::from_secs(60));
    socket.send(b"HELLO 0007").unwrap();
    assert!(receive(&socket).starts_with("OK 0007"));
    let counts = service.close();
    assert_eq!((counts.udp.over_share, counts.tcp.over_share), (4, 1));
    assert_eq!((counts.udp.over_rate, counts.tcp.over_rate), (1, 1));
}

#[test]
fn ends_when_nobody_asks_and_not_for_noise() {
    let runtime = Runtime::new().unwrap();
    let settings = LeaseSettings {
        idle_exit: Some(Duration::from_millis(1500)),
        ..LeaseSettings::default()
    };
    let listen = LOOPBACK.parse().unwrap();
    let mut leases = try_start(&runtime, listen, settings, Clock::default()).unwrap();
    let socket = udp_client(leases.udp_address().unwrap());
    ask(&socket, b"HELLO 1234");
    let asked = Instant::now();
    let noise = std::thread::spawn(move || {
        while asked.elapsed() < Duration::from_millis(700) {
            // The socket may be gone already on a machine that stood still.
            let _ = socket.send(b"noise");
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let ended = runtime.block_on(leases.ended());
    assert!(matches!(ended, LeasesEnded::Idle), "{ended}");
    assert!(asked.elapsed() >= Duration::from_millis(1400));
    noise.join().unwrap();
    let counts = runtime.block_on(leases.close());
    assert_eq!(counts.udp.granted, 1);
    assert!(counts.udp.malformed > 0);
}
