//! Several requests over one connection, in virtual time.

use super::*;

/// The requests of a connection, and when it was over.
pub(super) fn rounds(pieces: &[&[u8]], delay: Duration, end: End) -> (Vec<Decoded>, Duration) {
    let mut decoder = Decoder::new(QUIET_TIME);
    let (mut now, mut all) = (Duration::ZERO, Vec::new());
    let mut pieces = pieces.iter();
    let mut decoded = None;
    loop {
        while decoded.is_none() {
            decoded = match pieces.next() {
                Some(piece) => {
                    let arrival = now + delay;
                    let silent = silence_until(&mut decoder, &mut now, arrival);
                    // What was answered in the meantime does not swallow what comes.
                    match silent {
                        Some(Decoded::Request(request)) => {
                            all.push(Decoded::Request(request));
                            assert_eq!(decoder.next_request(now), None);
                            decoder.handle_bytes(piece, arrival)
                        }
                        Some(other) => Some(other),
                        None => decoder.handle_bytes(piece, now),
                    }
                }
                None if end == End::Stream => Some(decoder.handle_end()),
                None => silence_until(&mut decoder, &mut now, Duration::MAX),
            };
        }
        match decoded.take() {
            Some(Decoded::Nothing) | None => return (all, now),
            Some(Decoded::Malformed(malformed)) => {
                all.push(Decoded::Malformed(malformed));
                return (all, now);
            }
            Some(answered) => all.push(answered),
        }
        decoded = decoder.next_request(now);
    }
}

#[test]
fn a_connection_carries_several_requests_also_in_one_piece() {
    let forms = [
        Form::COMMA.ending(LineEnd::Lf),
        Form::JSON_NAME.ending(LineEnd::CrLf),
        Form::JSON_NAME,
        Form::UTF_INT,
        Form::STRUCT256,
        Form::PIPE,
    ];
    let requests: Vec<Request> = forms.iter().map(|form| request(*form, "bob", 5)).collect();
    let bytes: Vec<u8> = requests
        .iter()
        .flat_map(|request| request.encode().unwrap())
        .collect();
    let expected: Vec<Decoded> = requests.into_iter().map(Decoded::Request).collect();
    for step in [1, 2, 7, 100, bytes.len()] {
        let pieces: Vec<&[u8]> = bytes.chunks(step).collect();
        for (end, after) in [
            (End::Stream, Duration::ZERO),
            (End::Silence, QUIET_TIME + ROUND_TIME),
        ] {
            let (decoded, when) = rounds(&pieces, Duration::ZERO, end);
            // A newline that comes alone is a late one.
            let late = |d: &Decoded| !matches!(d, Decoded::LateLineEnd(_));
            let decoded: Vec<Decoded> = decoded.into_iter().filter(late).collect();
            let plain = |d: &Decoded| without_end(d.clone());
            assert_eq!(
                decoded.iter().map(plain).collect::<Vec<_>>(),
                expected.iter().map(plain).collect::<Vec<_>>()
            );
            assert_eq!(when, after);
        }
    }
}

#[test]
fn a_line_end_that_comes_late_is_told_once_and_empty_lines_are_passed_over() {
    let comma = |line_end| Decoded::Request(request(Form::COMMA.ending(line_end), "a", 5));
    let late = Decoded::LateLineEnd(LineEnd::CrLf);
    let delay = 2 * QUIET_TIME;
    let (decoded, _) = rounds(&[b"a,5", b"\r", b"\n", b"\na,5\n"], delay, End::Stream);
    assert_eq!(decoded, [comma(LineEnd::None), late, comma(LineEnd::Lf)]);
    let (decoded, _) = rounds(&[b"a,5\n", b"\n\r\na,5\n"], delay, End::Stream);
    assert_eq!(decoded, [comma(LineEnd::Lf), comma(LineEnd::Lf)]);
    let (decoded, _) = rounds(&[b"a,5", b"\r"], delay, End::Stream);
    assert_eq!(decoded, [comma(LineEnd::None)]);
}

#[test]
fn a_further_request_has_a_second_to_begin_and_then_its_own_time() {
    let (decoded, when) = rounds(&[b"a,5\n", b"a,"], ROUND_TIME - QUIET_TIME, End::Silence);
    assert_eq!(decoded.len(), 2);
    assert!(matches!(decoded[1], Decoded::Malformed(_)));
    assert_eq!(when, 2 * (ROUND_TIME - QUIET_TIME) + STALL_TIME);
    let (decoded, when) = rounds(&[b"a,5\n"], Duration::ZERO, End::Silence);
    assert_eq!((decoded.len(), when), (1, ROUND_TIME));
    let many: Vec<&[u8]> = vec![b"a,5\n"; 1000];
    let (_, when) = rounds(&many, Duration::from_millis(900), End::Stream);
    assert!((ROUNDS_DEADLINE..ROUNDS_DEADLINE + ROUND_TIME).contains(&when));
}
