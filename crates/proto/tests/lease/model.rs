//! The service beside the plainest model: a map of ids to the times of their grants.

use std::collections::BTreeMap;
use std::hash::RandomState;
use std::net::SocketAddr;
use std::time::Duration;

use fleetlink_proto::lease::{LeaseId, LeaseSettings, Leases, Request, Transport};
use proptest::prelude::*;

const LEASE: Duration = Duration::from_secs(30);

/// A request for one of few ids, so that they meet, after a wait around the lease's length.
fn request() -> impl Strategy<Value = (u32, u64, bool, bool)> {
    let wait = prop_oneof![
        Just(0),
        0..10_000_000_000_u64,
        Just(30_000_000_000),
        29_999_999_990..30_000_000_010_u64,
    ];
    (0..8_u32, wait, any::<bool>(), any::<bool>())
}

proptest! {
    #[test]
    fn grants_what_the_model_grants(requests in prop::collection::vec(request(), 1..200)) {
        let settings = LeaseSettings { lease: LEASE, ..LeaseSettings::default() };
        let mut leases = Leases::new(&settings, RandomState::new(), Duration::ZERO);
        let mut grants: BTreeMap<LeaseId, Duration> = BTreeMap::new();
        let client: SocketAddr = "192.0.2.1:5000".parse().unwrap();
        let mut now = Duration::ZERO;
        for (number, wait, newline, over_tcp) in requests {
            now += Duration::from_nanos(wait);
            let id = LeaseId::from_number(number);
            let free = grants.get(&id).is_none_or(|granted| now >= *granted + LEASE);
            let end = if newline { "\n" } else { "" };
            let expected = if free {
                grants.insert(id, now);
                format!("OK {id} 192.0.2.1 5000{end}")
            } else {
                format!("RESET {id}{end}")
            };
            let transport = if over_tcp { Transport::Tcp } else { Transport::Udp };
            let reply = leases.handle_request(Request { id, newline }, client, transport, now);
            let reply = reply.unwrap();
            prop_assert_eq!(reply.as_bytes(), expected.as_bytes());
        }
    }

    /// Any input is parsed as a request exactly if the plainest description fits it.
    #[test]
    fn parses_what_the_description_says(bytes in mutated()) {
        let text = std::str::from_utf8(&bytes).unwrap_or("\u{fffd}");
        let line = text.strip_suffix("\r\n").or(text.strip_suffix('\n')).unwrap_or(text);
        let digits = line.strip_prefix("HELLO ").unwrap_or("");
        let good = digits.len() == 4 && digits.chars().all(|c| c.is_ascii_digit());
        let parsed = Request::parse(&bytes);
        prop_assert_eq!(parsed.is_some(), good);
        if let Some(request) = parsed {
            prop_assert_eq!(request.id.to_string(), digits);
            prop_assert_eq!(request.newline, text.ends_with('\n'));
        }
    }
}

/// A request with a byte changed, added or taken away; or anything.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let base = prop_oneof![Just(""), Just("\n"), Just("\r\n")];
    let near = (0..10_000_u32, base, 0..4_u8, 0..13_usize, any::<u8>()).prop_map(
        |(number, end, change, at, byte)| {
            let mut bytes = format!("HELLO {number:04}{end}").into_bytes();
            let at = at % bytes.len();
            match change {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                _ => {}
            }
            bytes
        },
    );
    prop_oneof![near, prop::collection::vec(any::<u8>(), 0..20)]
}
