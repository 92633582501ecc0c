//! Every split of every message, with and without delays, in virtual time.

use proptest::prelude::{any, prop, proptest};

use super::*;
use crate::number_exchange::Integer;
use crate::number_exchange::limits::QUIET_TIME;

const MESSAGES: [&str; 8] = [
    "Client of A Client: 25",
    "Client of a: 1: Zo\u{eb}: -5",
    "Client of x: 100000000000000000000000000000000000000000",
    r#"{"client_name": "A Client", "client_number": 25}"#,
    r#"{"client_number":-5,"client_name":"}\"\\{"}"#,
    "{\n  \"client_name\": \"Zo\u{eb}\",\n  \"more\": [{}],\n  \"client_number\": 101\n}",
    r#"{"client_name": "a", "client_number": "b"}"#,
    "Client of a: b",
];

/// How a client ends its request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Newline,
    Stream,
    Silence,
}

/// The whole message at once, ended by the end of the stream.
fn expected(message: &str) -> Decoded {
    let mut decoder = Decoder::new(QUIET_TIME);
    let at_once = decoder.handle_bytes(message.as_bytes(), Duration::ZERO);
    at_once.unwrap_or_else(|| decoder.handle_end())
}

/// Delivers the pieces with `delay` before each, runs the timer as a driver does, and returns what
/// was decoded and when.
fn deliver(pieces: &[&[u8]], delay: Duration, end: End) -> (Decoded, Duration) {
    let mut decoder = Decoder::new(QUIET_TIME);
    let mut now = Duration::ZERO;
    for piece in pieces {
        let arrival = now + delay;
        if let Some(decoded) = silence_until(&mut decoder, &mut now, arrival) {
            return (decoded, now);
        }
        if let Some(decoded) = decoder.handle_bytes(piece, now) {
            return (decoded, now);
        }
    }
    let ended = match end {
        End::Newline => decoder.handle_bytes(b"\n", now),
        End::Stream => Some(decoder.handle_end()),
        End::Silence => None,
    };
    if let Some(decoded) = ended {
        return (decoded, now);
    }
    let decoded = silence_until(&mut decoder, &mut now, Duration::MAX);
    (decoded.expect("silence ends every request"), now)
}

fn silence_until(decoder: &mut Decoder, now: &mut Duration, until: Duration) -> Option<Decoded> {
    while decoder.poll_timeout() <= until {
        let due = decoder.poll_timeout();
        assert!(due >= *now, "a timer never goes back");
        *now = due;
        if let Some(decoded) = decoder.handle_timeout(due) {
            return Some(decoded);
        }
        assert!(
            decoder.poll_timeout() > due,
            "a timer that fired is set anew"
        );
    }
    *now = until;
    None
}

#[test]
fn every_split_without_delay() {
    for message in MESSAGES {
        let bytes = message.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                for end in [End::Newline, End::Stream, End::Silence] {
                    let (decoded, _) = deliver(&pieces, Duration::ZERO, end);
                    assert_eq!(decoded, expected(message), "{pieces:?} {end:?}");
                }
            }
        }
    }
}

#[test]
fn every_split_with_delays_below_the_quiet_time() {
    let delay = QUIET_TIME - Duration::from_millis(1);
    for message in MESSAGES {
        let bytes = message.as_bytes();
        for split in 0..=bytes.len() {
            let (front, back) = bytes.split_at(split);
            let (decoded, _) = deliver(&[front, back], delay, End::Silence);
            assert_eq!(decoded, expected(message), "{front:?} {back:?}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        let (decoded, _) = deliver(&single, delay, End::Newline);
        assert_eq!(decoded, expected(message));
    }
}

#[test]
fn with_longer_delays_only_what_could_be_whole_is_cut() {
    let delay = STALL_TIME - Duration::from_millis(1);
    for message in MESSAGES {
        let bytes = message.as_bytes();
        for split in 1..bytes.len() {
            let (front, back) = bytes.split_at(split);
            let (decoded, _) = deliver(&[front, back], delay, End::Stream);
            // In text, a request that lacks digits is a request.
            let whole = Request::parse(Dialect::of_first_byte(bytes[0]), front);
            match whole {
                Ok(shorter) => assert_eq!(decoded, Decoded::Request(shorter)),
                Err(_) => assert_eq!(decoded, expected(message), "{front:?} {back:?}"),
            }
        }
    }
}

#[test]
fn silence_ends_a_request_after_the_quiet_time_and_a_fragment_after_the_stall_time() {
    let ended = |bytes: &[u8]| deliver(&[bytes], Duration::ZERO, End::Silence).1;
    assert_eq!(ended(b"Client of a: 5"), QUIET_TIME);
    assert_eq!(ended(b"garbage"), QUIET_TIME);
    assert_eq!(ended(b"{garbage"), QUIET_TIME);
    assert_eq!(ended(b"{\"client_name\": \"a\""), STALL_TIME);
    assert_eq!(ended(b"Client of a: "), STALL_TIME);
    assert_eq!(ended(b"Cli"), STALL_TIME);
    assert_eq!(ended(b"{}"), Duration::ZERO);
    assert_eq!(
        deliver(&[], Duration::ZERO, End::Silence),
        (Decoded::Nothing, REQUEST_DEADLINE)
    );
}

#[test]
fn a_client_that_trickles_meets_the_deadline() {
    let trickle = [b"Client of ".as_slice(), &[b'x'; 4000]].concat();
    let pieces: Vec<&[u8]> = trickle.chunks(1).collect();
    let (decoded, when) = deliver(&pieces, Duration::from_millis(40), End::Newline);
    assert_eq!(decoded, Decoded::Malformed(Dialect::Text, BadRequest::Form));
    assert_eq!(when, REQUEST_DEADLINE);
}

#[test]
fn a_stream_that_ends_at_once_is_nothing() {
    assert_eq!(
        deliver(&[], Duration::ZERO, End::Stream).0,
        Decoded::Nothing
    );
}

#[test]
fn what_is_too_long_is_refused_before_it_is_kept() {
    for start in ["Client of ", "{\"client_name\": \""] {
        let dialect = Dialect::of_first_byte(start.as_bytes()[0]);
        let endless = [start.as_bytes(), &[b'x'; MAX_REQUEST_BYTES]].concat();
        for step in [1, 7, 1000, endless.len()] {
            let pieces: Vec<&[u8]> = endless.chunks(step).collect();
            let (decoded, _) = deliver(&pieces, Duration::ZERO, End::Newline);
            assert_eq!(decoded, Decoded::Malformed(dialect, BadRequest::TooLong));
        }
    }
    let longest = format!("Client of {}: 5", "x".repeat(MAX_REQUEST_BYTES - 13));
    assert_eq!(longest.len(), MAX_REQUEST_BYTES);
    let (decoded, _) = deliver(&[longest.as_bytes()], Duration::ZERO, End::Newline);
    assert!(matches!(decoded, Decoded::Request(_)));
}

#[test]
fn a_line_end_of_two_bytes_is_a_line_end() {
    let (decoded, _) = deliver(&[b"Client of a: 5\r\nmore"], Duration::ZERO, End::Stream);
    let Decoded::Request(request) = decoded else {
        panic!("{decoded:?}")
    };
    assert_eq!(request.number, Integer::from(5));
}

proptest! {
    #[test]
    fn any_request_survives_any_pieces(
        name in "[^\\p{Cc}]{0,40}",
        number in any::<i64>(),
        json in any::<bool>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let dialect = if json { Dialect::Json } else { Dialect::Text };
        let name = crate::number_exchange::Name::of_peer(&name);
        let request = Request { dialect, name, number: i128::from(number).into() };
        let bytes = request.encode();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        // An empty piece is no sign of life.
        cuts.dedup();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
        for end in [End::Newline, End::Stream, End::Silence] {
            let (decoded, _) = deliver(&pieces, Duration::from_millis(49), end);
            assert_eq!(decoded, Decoded::Request(request.clone()));
        }
    }

    #[test]
    fn no_bytes_are_too_strange(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..10),
        millis in 0..3000_u64,
    ) {
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        deliver(&pieces, Duration::from_millis(millis), End::Silence);
    }
}
