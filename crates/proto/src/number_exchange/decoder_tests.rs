//! Every split of every message, with and without delays, in virtual time.

use proptest::prelude::{Just, Strategy, any, prop, proptest};

use super::*;
use crate::number_exchange::limits::QUIET_TIME;
use crate::number_exchange::{Integer, Name, Utf};

#[path = "rounds_tests.rs"]
mod rounds;

/// Requests in every form, and a few that are none.
fn messages() -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = [
        "Client of A Client: 25",
        "Client of a: 1: Zo\u{eb}: -5",
        "Client of x: 100000000000000000000000000000000000000000",
        "Client of Room 101: 7",
        r#"{"client_name": "A Client", "client_number": 25}"#,
        r#"{"client_number":-5,"client_name":"}\"\\{"}"#,
        "{\n  \"client_name\": \"Zo\u{eb}\",\n  \"more\": [{}],\n  \"client_number\": 101\n}",
        r#"{"name": "a", "number": 5}"#,
        r#"{"client_name": "a", "client_number": "b"}"#,
        "Client of a: b",
        "a.b: c d|5",
        "nonsense",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    for (_, form) in Form::NAMED {
        messages.push(request(form, "Zo\u{eb}.:x", 10).encode().unwrap());
    }
    messages
}

fn request(form: Form, name: &str, number: i128) -> Request {
    Request {
        form,
        name: Name::of_peer(name),
        number: number.into(),
    }
}

/// The end of a client's request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Newline,
    Stream,
    Silence,
}

/// The whole message at once, ended by the end of the stream.
fn expected(message: &[u8]) -> Decoded {
    let mut decoder = Decoder::new(QUIET_TIME);
    let at_once = decoder.handle_bytes(message, Duration::ZERO);
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

/// The same, whatever ended it.
fn without_end(decoded: Decoded) -> Decoded {
    match decoded {
        Decoded::Request(mut request) => {
            request.form = request.form.ending(LineEnd::None);
            Decoded::Request(request)
        }
        Decoded::Malformed(mut malformed) => {
            let length = malformed.bytes.len() - line_end_length(&malformed.bytes);
            malformed.bytes.truncate(length);
            Decoded::Malformed(malformed)
        }
        other => other,
    }
}

fn is_utf(message: &[u8]) -> bool {
    Kind::of(message[0]) == Kind::Utf
}

#[test]
fn every_split_without_delay() {
    for message in messages() {
        for first in 0..=message.len() {
            // The form of fixed size is long, and every other byte of it zero.
            let seconds = (first..=message.len()).step_by(message.len().div_ceil(60));
            for second in seconds {
                let pieces = [
                    &message[..first],
                    &message[first..second],
                    &message[second..],
                ];
                for end in [End::Newline, End::Stream, End::Silence] {
                    // Behind a length, a newline is a byte as any other.
                    if end == End::Newline && is_utf(&message) {
                        continue;
                    }
                    let (decoded, _) = deliver(&pieces, Duration::ZERO, end);
                    assert_eq!(
                        without_end(decoded),
                        expected(&message),
                        "{pieces:?} {end:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_split_with_delays_below_the_quiet_time() {
    let delay = QUIET_TIME - Duration::from_millis(1);
    for message in messages() {
        for split in 0..=message.len() {
            let (front, back) = message.split_at(split);
            let (decoded, _) = deliver(&[front, back], delay, End::Silence);
            assert_eq!(decoded, expected(&message), "{front:?} {back:?}");
        }
        // A byte at a time, the form of fixed size would meet the deadline.
        let single: Vec<&[u8]> = message.chunks(message.len().div_ceil(130)).collect();
        let (decoded, _) = deliver(&single, delay, End::Stream);
        assert_eq!(decoded, expected(&message));
    }
}

#[test]
fn with_longer_delays_only_what_could_be_whole_is_cut() {
    let delay = STALL_TIME - Duration::from_millis(1);
    for message in messages() {
        for split in 1..message.len() {
            let (front, back) = message.split_at(split);
            let (decoded, _) = deliver(&[front, back], delay, End::Stream);
            let goes_on = front.starts_with(b"Client of ") || is_utf(front);
            match Request::parse(front) {
                // A text that lacks digits is a request, unless it may become the seeds' form or
                // a name in front of an integer.
                Ok(shorter) if shorter.form.is_seeds() || !goes_on => {
                    assert_eq!(decoded, Decoded::Request(shorter));
                }
                _ => assert_eq!(decoded, expected(&message), "{front:?} {back:?}"),
            }
        }
    }
}

#[test]
fn silence_ends_a_request_after_the_quiet_time_and_a_fragment_after_the_stall_time() {
    let ended = |bytes: &[u8]| deliver(&[bytes], Duration::ZERO, End::Silence).1;
    for whole in ["Client of a: 5", "a,5", "a 5", "a: -5"] {
        assert_eq!(ended(whole.as_bytes()), QUIET_TIME, "{whole}");
    }
    for hopeless in [
        &b"{garbage"[..],
        b"\xff",
        b"a,\xff5",
        b"bob\0x",
        b"\0\0",
        b"\x03\xff\xff",
    ] {
        let (decoded, when) = deliver(&[hopeless], Duration::ZERO, End::Silence);
        assert!(matches!(decoded, Decoded::Malformed(_)));
        let unfinished_text = hopeless.starts_with(b"\x03");
        let expected = if unfinished_text {
            STALL_TIME
        } else {
            QUIET_TIME
        };
        assert_eq!(when, expected, "{hopeless:?}");
    }
    for fragment in [
        &b"{\"client_name\": \"a\""[..],
        b"Client of a: ",
        b"Client of bob",
        b"Client of Room 101",
        b"Client of a;5",
        b"Cli",
        b"garbage",
        b"bob,",
        b"bob -",
        b"Zo\xc3",
        b"\0",
        b"\0\x03",
        b"\0\x03bo",
        b"\0\x03bob",
        b"\0\x03bob\0\0\0",
        b"\0\x05bob;5",
        b"bob\0",
    ] {
        assert_eq!(ended(fragment), STALL_TIME, "{fragment:?}");
    }
    assert_eq!(ended(b"{}"), Duration::ZERO);
    assert_eq!(ended(b"\0\x03bob\0\0\0\x05"), Duration::ZERO);
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
    let Decoded::Malformed(malformed) = decoded else {
        panic!("{decoded:?}")
    };
    assert_eq!(malformed.bad, BadRequest::Form);
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
    for start in ["Client of ", "{\"client_name\": \"", "x"] {
        let endless = [start.as_bytes(), &[b'x'; MAX_REQUEST_BYTES + 2]].concat();
        for step in [1, 7, 1000, endless.len()] {
            let pieces: Vec<&[u8]> = endless.chunks(step).collect();
            let (decoded, _) = deliver(&pieces, Duration::ZERO, End::Newline);
            let Decoded::Malformed(malformed) = decoded else {
                panic!("{decoded:?}")
            };
            assert_eq!(malformed.bad, BadRequest::TooLong);
            assert!(malformed.bytes.len() <= MAX_REQUEST_BYTES + step.max(2));
        }
    }
    let longest = format!("Client of {}: 5", "x".repeat(MAX_REQUEST_BYTES - 13));
    assert_eq!(longest.len(), MAX_REQUEST_BYTES);
    for end in ["\n", "\r\n"] {
        let pieces = format!("{longest}{end}");
        let pieces: Vec<&[u8]> = pieces.as_bytes().chunks(1).collect();
        let (decoded, _) = deliver(&pieces, Duration::ZERO, End::Stream);
        assert!(matches!(decoded, Decoded::Request(_)));
    }
}

#[test]
fn what_follows_the_end_does_not_belong_to_a_request() {
    for (bytes, form) in [
        (
            &b"Client of a: 5\r\nmore"[..],
            Form::TEXT.ending(LineEnd::CrLf),
        ),
        (
            b"{\"client_name\": \"a\", \"client_number\": 5}\nmore",
            Form::JSON.ending(LineEnd::Lf),
        ),
        (
            b"{\"client_name\": \"a\", \"client_number\": 5}more",
            Form::JSON,
        ),
        (b"\0\x01a\0\0\0\x05\nmore", Form::UTF_INT),
    ] {
        let (decoded, _) = deliver(&[bytes], Duration::ZERO, End::Stream);
        assert_eq!(decoded, Decoded::Request(request(form, "a", 5)));
    }
}

fn any_form() -> impl Strategy<Value = Form> {
    let standard = Just(Form::UtfInt(Utf::Standard));
    let named = prop::sample::select(Form::NAMED.map(|(_, form)| form).to_vec());
    prop::strategy::Union::new([named.boxed(), standard.boxed()])
}

proptest! {
    #[test]
    fn any_request_survives_any_pieces(
        name in "[^\\p{Cc}{\\s]{1,40}",
        number in any::<i32>(),
        form in any_form(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let name = format!("{name}\u{1f980}x");
        let request = Request {
            form,
            name: Name::of_peer(&name),
            number: Integer::from(i128::from(number)),
        };
        let bytes = request.encode().unwrap();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        // An empty piece is no sign of life.
        cuts.dedup();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
        for end in [End::Newline, End::Stream, End::Silence] {
            if end == End::Newline && is_utf(&bytes) {
                continue;
            }
            let (decoded, _) = deliver(&pieces, Duration::from_millis(49), end);
            assert_eq!(without_end(decoded), Decoded::Request(request.clone()));
        }
    }

    #[test]
    fn no_bytes_are_too_strange(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..10),
        millis in 0..3000_u64,
    ) {
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        rounds::rounds(&pieces, Duration::from_millis(millis), End::Silence);
    }
}
