//! Limits a source, idle exit and counts.

use std::hash::RandomState;
use std::net::SocketAddr;
use std::time::Duration;

use fleetlink_proto::lease::{
    LeaseId, LeaseSettings, Leases, MalformedNotice, Request, Transport, TransportCounts,
};

fn leases(settings: &LeaseSettings) -> Leases {
    Leases::new(settings, RandomState::new(), Duration::ZERO)
}

/// The number of ids in `from..to` that this client is granted.
fn granted(leases: &mut Leases, client: &str, ids: std::ops::Range<u32>, seconds: u64) -> usize {
    let client: SocketAddr = client.parse().unwrap();
    let replies = ids.filter_map(|number| {
        let request = Request {
            id: LeaseId::from_number(number),
            newline: false,
        };
        let now = Duration::from_secs(seconds);
        leases.handle_request(request, client, Transport::Udp, now)
    });
    replies
        .filter(|reply| reply.as_bytes().starts_with(b"OK"))
        .count()
}

#[test]
fn a_source_holds_no_more_than_its_share() {
    let mut leases = leases(&LeaseSettings {
        max_per_source: Some(5),
        ..LeaseSettings::default()
    });
    assert_eq!(granted(&mut leases, "192.0.2.1:1", 0..20, 0), 5);
    assert_eq!(
        granted(&mut leases, "[::ffff:192.0.2.1]:2", 20..40, 1),
        0,
        "the same source"
    );
    assert_eq!(granted(&mut leases, "192.0.2.2:1", 40..60, 10), 5);
    assert_eq!(granted(&mut leases, "[2001:db8:0:1::1]:1", 60..80, 10), 5);
    assert_eq!(
        granted(&mut leases, "[2001:db8:0:ff::2]:1", 80..99, 10),
        0,
        "the same /56"
    );
    assert_eq!(granted(&mut leases, "[2001:db8:0:100::1]:1", 80..99, 10), 5);
    assert_eq!(
        granted(&mut leases, "192.0.2.1:1", 100..120, 30),
        5,
        "the first five expired"
    );
    let counts = leases.counts().udp;
    assert_eq!(counts.granted, 25);
    assert_eq!(counts.over_share, 15 + 20 + 15 + 15 + 19 + 14 + 15);
    assert_eq!(counts.in_use, 0);
}

#[test]
fn one_source_cannot_take_all_ids_and_memory_is_bounded() {
    let mut leases = leases(&LeaseSettings {
        max_per_source: Some(10_000),
        lease: Duration::from_secs(1),
        ..LeaseSettings::default()
    });
    for second in 0..20 {
        assert_eq!(
            granted(&mut leases, "192.0.2.1:1", 0..10_000, second),
            10_000
        );
    }
}

#[test]
fn a_source_that_asks_too_often_gets_no_answer() {
    let mut leases = leases(&LeaseSettings {
        max_rate: Some(10),
        ..LeaseSettings::default()
    });
    assert_eq!(granted(&mut leases, "192.0.2.1:1", 0..50, 1), 10);
    assert_eq!(granted(&mut leases, "192.0.2.2:1", 50..100, 1), 10);
    assert_eq!(leases.counts().udp.over_rate, 80);
    assert_eq!(leases.counts().udp.in_use, 0);
}

#[test]
fn well_formed_requests_over_either_transport_put_the_end_off() {
    let mut leases = leases(&LeaseSettings::default());
    let seconds = Duration::from_secs;
    leases.handle_malformed(Transport::Udp, seconds(100));
    leases.handle_silence();
    assert!(
        leases.idle().is_over(seconds(120)),
        "malformed input does not"
    );
    let client = "192.0.2.1:1".parse().unwrap();
    let request = Request::parse(b"HELLO 1234").unwrap();
    leases.handle_request(request, client, Transport::Tcp, seconds(110));
    leases.handle_request(request, client, Transport::Udp, seconds(115));
    assert!(!leases.idle().is_over(seconds(234)), "a RESET does");
    assert!(leases.idle().is_over(seconds(235)));
}

#[test]
fn malformed_input_is_counted_but_seldom_logged() {
    let mut leases = leases(&LeaseSettings::default());
    let mut notices = Vec::new();
    for millis in 0..2_500 {
        notices.extend(leases.handle_malformed(Transport::Udp, Duration::from_millis(millis)));
    }
    let inputs = [1, 1000, 1000].map(|inputs| MalformedNotice { inputs });
    assert_eq!(notices, inputs);
    let counts = TransportCounts {
        malformed: 2_500,
        ..TransportCounts::default()
    };
    assert_eq!(leases.counts().udp, counts);
    assert_eq!(counts.to_string(), "0 granted, 0 in use, 2500 malformed");
}
