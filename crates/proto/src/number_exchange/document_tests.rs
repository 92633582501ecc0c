//! The tables of `docs/number-exchange.md`, held against the code.

use std::time::Duration;

use super::limits::{MAX_UTF_TEXT_BYTES, QUIET_TIME, ROUND_TIME, ROUNDS_DEADLINE, STALL_TIME};
use super::*;

const DOCUMENT: &str = include_str!("../../../../docs/number-exchange.md");

/// The cells of the table with this header.
fn table(header: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = DOCUMENT.split_once(header).expect("the table is there");
    let rows = rest
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells = row.trim_matches('|').split(" | ");
        cells.map(str::trim).collect()
    })
    .collect()
}

/// The bytes that a cell in backquotes stands for.
fn bytes(cell: &str) -> Option<Vec<u8>> {
    let text = cell.strip_prefix('`')?.strip_suffix('`')?;
    let mut bytes = Vec::new();
    let mut rest = text;
    let mut fill = None;
    while let Some(c) = rest.chars().next() {
        let (byte, length) = match rest.get(..2) {
            Some(r"\n") => (vec![b'\n'], 2),
            Some(r"\r") => (vec![b'\r'], 2),
            Some(r"\|") => (vec![b'|'], 2),
            Some(r"\x") => (vec![u8::from_str_radix(&rest[2..4], 16).unwrap()], 4),
            _ if c == '…' => {
                fill = Some(bytes.len());
                (vec![], c.len_utf8())
            }
            _ => (rest[..c.len_utf8()].into(), c.len_utf8()),
        };
        bytes.extend(byte);
        rest = &rest[length..];
    }
    if let Some(at) = fill {
        let zeros = vec![0; 260 - bytes.len()];
        bytes.splice(at..at, zeros);
    }
    Some(bytes)
}

fn decode(bytes: &[u8]) -> Decoded {
    let mut decoder = Decoder::new(QUIET_TIME);
    let at_once = decoder.handle_bytes(bytes, Duration::ZERO);
    at_once.unwrap_or_else(|| decoder.handle_end())
}

#[track_caller]
fn respond(bytes: &[u8]) -> (Response, Request) {
    let service = Service {
        name: "A Server".parse().unwrap(),
        number: ServerNumber::ByForm,
        on_out_of_range: OnOutOfRange::default(),
        reply_sum: false,
    };
    let Decoded::Request(request) = decode(bytes) else {
        panic!("{}", bytes.escape_ascii())
    };
    let response = service.respond(&request, || InRange::new(10).unwrap());
    (response, request)
}

#[test]
fn every_form_looks_as_the_table_says() {
    let rows = table("| `--dialect` | request | reply |");
    assert_eq!(rows.len(), Form::NAMED.len());
    for (row, (name, form)) in rows.iter().zip(Form::NAMED) {
        assert_eq!(row[0], format!("`{name}`"));
        let (sent, came) = (bytes(row[1]).unwrap(), bytes(row[2]).unwrap());
        let (response, request) = respond(&sent);
        assert_eq!(request.form, form);
        assert_eq!((request.name.as_str(), &request.number), ("bob", &5.into()));
        assert_eq!(request.encode(), Ok(sent));
        let reply = response.reply.escape_ascii().to_string();
        assert_eq!(reply, came.escape_ascii().to_string());
    }
}

#[test]
fn every_variant_is_answered_as_the_table_says() {
    let rows = table("\n| request | reply |");
    assert!(rows.len() > 20, "{rows:?}");
    for row in rows {
        let sent = bytes(row[0]).unwrap();
        match (row[1], bytes(row[1])) {
            ("malformed", _) => assert!(matches!(decode(&sent), Decoded::Malformed(_)), "{row:?}"),
            ("closed: out of range", _) => {
                let (response, _) = respond(&sent);
                assert_eq!(
                    (response.reply, response.next),
                    (vec![], Next::Close),
                    "{row:?}"
                );
            }
            (_, expected) => {
                let reply = respond(&sent).0.reply.escape_ascii().to_string();
                let expected = expected.expect("bytes").escape_ascii().to_string();
                assert_eq!(reply, expected, "{row:?}");
            }
        }
    }
}

#[test]
fn the_times_and_lengths_are_those_of_the_code() {
    for (phrase, time) in [
        ("the quiet time: {} ms", QUIET_TIME.as_millis()),
        (
            "half an object, a part of a binary form | {} s",
            STALL_TIME.as_secs().into(),
        ),
        ("after {} s of silence", ROUND_TIME.as_secs().into()),
        (
            "a request begins {} s or more after the start",
            ROUNDS_DEADLINE.as_secs().into(),
        ),
        ("a whole text {}", MAX_UTF_TEXT_BYTES.try_into().unwrap()),
    ] {
        let phrase = phrase.replace("{}", &time.to_string());
        assert!(DOCUMENT.contains(&phrase), "{phrase}");
    }
}
