//! Random and mutated input against a running service, beside a model that knows every id.
//!
//! A thousandth of the campaign runs with the tests; `cargo xtask soak leases` runs all of it.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

use crate::fixture::{Service, ask, ask_tcp, receive, udp_client};

/// Inputs of the whole campaign.
const DATAGRAMS: u64 = 10_000_000;
const CONNECTIONS: u64 = 1_000_000;
/// Datagrams sent before their replies are read: few enough for any socket's buffer.
const TOGETHER: usize = 50;
/// Between two such trains the clock goes on: an id is free again after 300 trains.
const STEP: Duration = Duration::from_millis(100);
const LEASE: Duration = Duration::from_secs(30);

/// `FLEETLINK_SOAK` is the part of the campaign in thousandths; `FLEETLINK_SEED` replays a run.
#[expect(clippy::print_stderr, reason = "a run that failed has to be replayed")]
fn campaign(inputs: u64) -> (u64, StdRng) {
    let setting = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed = setting("FLEETLINK_SEED").unwrap_or_else(rand::random);
    eprintln!("FLEETLINK_SEED={seed}");
    let inputs = inputs * setting("FLEETLINK_SOAK").unwrap_or(1) / 1000;
    (inputs, StdRng::seed_from_u64(seed))
}

/// The plainest model: when each id was granted.
#[derive(Default)]
struct Model {
    granted: BTreeMap<String, Duration>,
}

impl Model {
    /// The id, where the plainest description of a request fits.
    fn request(input: &[u8]) -> Option<(&str, &'static str)> {
        let text = std::str::from_utf8(input).ok()?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        let end = if line.len() < text.len() { "\n" } else { "" };
        let line = if end.is_empty() {
            line
        } else {
            line.strip_suffix('\r').unwrap_or(line)
        };
        let id = line.strip_prefix("HELLO ")?;
        let digits = id.len() == 4 && id.bytes().all(|byte| byte.is_ascii_digit());
        digits.then_some((id, end))
    }

    /// The reply due at this time.
    fn reply(&mut self, input: &[u8], client: &str, now: Duration) -> Option<String> {
        let (id, end) = Self::request(input)?;
        let free = self
            .granted
            .get(id)
            .is_none_or(|granted| now >= *granted + LEASE);
        if !free {
            return Some(format!("RESET {id}{end}"));
        }
        self.granted.insert(id.to_owned(), now);
        Some(format!("OK {id} {client}{end}"))
    }
}

/// A request, something near one, or anything.
fn input(random: &mut StdRng) -> Vec<u8> {
    let end = ["", "\n", "\r\n"][random.random_range(0..3)];
    let mut bytes = format!("HELLO {:04}{end}", random.random_range(0..10_000)).into_bytes();
    match random.random_range(0..8) {
        0 | 1 => {}
        2 => {
            let at = random.random_range(0..bytes.len());
            bytes[at] = random.random();
        }
        3 => bytes.insert(random.random_range(0..=bytes.len()), random.random()),
        4 => bytes.truncate(random.random_range(0..bytes.len())),
        5 => {
            let at = random.random_range(0..bytes.len());
            bytes[at] ^= 1 << random.random_range(0..8);
        }
        6 => bytes.extend_from_slice(&bytes.clone()),
        _ => {
            bytes = vec![0; random.random_range(0..100)];
            random.fill_bytes(&mut bytes);
        }
    }
    bytes
}

#[test]
fn soak_random_and_mutated_datagrams() {
    let (inputs, mut random) = campaign(DATAGRAMS);
    let service = Service::start("127.0.0.1:0");
    let socket = udp_client(service.udp);
    let client = format!("127.0.0.1 {}", socket.local_addr().unwrap().port());
    let mut model = Model::default();
    let (mut sent, mut now, mut malformed) = (0, Duration::ZERO, 0);
    while sent < inputs {
        service.set_time(now);
        let mut expected = Vec::new();
        for _ in 0..TOGETHER {
            let input = input(&mut random);
            let reply = model.reply(&input, &client, now);
            malformed += u64::from(reply.is_none());
            expected.extend(reply);
            send(&socket, &input);
        }
        // The last one has a reply whatever happens; so all have been decided at this time.
        let last = format!("HELLO {:04}", random.random_range(0..10_000)).into_bytes();
        expected.extend(model.reply(&last, &client, now));
        send(&socket, &last);
        for expected in expected {
            assert_eq!(receive(&socket), expected, "after {sent} inputs");
        }
        sent += TOGETHER as u64 + 1;
        now += STEP;
    }
    service.set_time(now);
    every_id_is_as_the_model_says(&socket, &mut model, &client, now);
    assert_eq!(service.close().udp.malformed, malformed);
}

fn send(socket: &UdpSocket, input: &[u8]) {
    assert_eq!(socket.send(input).unwrap(), input.len());
}

fn every_id_is_as_the_model_says(
    socket: &UdpSocket,
    model: &mut Model,
    client: &str,
    now: Duration,
) {
    for number in 0..10_000 {
        let request = format!("HELLO {number:04}");
        let expected = model.reply(request.as_bytes(), client, now);
        assert_eq!(Some(ask(socket, request.as_bytes())), expected);
    }
}

#[test]
fn soak_tcp_inputs() {
    let (inputs, mut random) = campaign(CONNECTIONS);
    let service = Service::start("127.0.0.1:0");
    let mut model = Model::default();
    let mut now = Duration::ZERO;
    for sent in 0..inputs {
        service.set_time(now);
        let input = input(&mut random);
        // The client's port is known only to the client: it is compared by its length at least.
        let reply = ask_tcp(service.tcp, &[&input]);
        let expected = model.reply(&input, "127.0.0.1 ", now);
        let same = match &expected {
            None => reply.is_empty(),
            Some(expected) => {
                reply.starts_with(expected.trim_end())
                    && reply.ends_with('\n') == expected.ends_with('\n')
            }
        };
        assert!(
            same,
            "after {sent} inputs: {input:?}: {reply:?}, not {expected:?}"
        );
        now += STEP;
    }
    service.set_time(now);
    let socket = udp_client(service.udp);
    let client = format!("127.0.0.1 {}", socket.local_addr().unwrap().port());
    every_id_is_as_the_model_says(&socket, &mut model, &client, now);
    let counts = service.close().tcp;
    let all = counts.granted + counts.in_use + counts.malformed + counts.silent;
    assert_eq!(all, inputs);
}
