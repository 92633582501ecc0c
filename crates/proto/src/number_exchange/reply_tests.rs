//! Replies of every form, of servers of many kinds.

use proptest::prelude::{any, prop, proptest};

use super::*;

fn asked() -> Integer {
    25.into()
}

fn reply(form: Form, sum: Option<i128>, closing: bool) -> Reply {
    Reply {
        form,
        name: "A Server".parse().unwrap(),
        number: 10.into(),
        sum: sum.map(Integer::from),
        closing,
    }
}

fn parse(form: Form, bytes: &[u8]) -> Result<Reply, BadReply> {
    Reply::parse(&form, &asked(), bytes)
}

fn shown(bytes: &str) -> (String, String, Option<String>) {
    let reply = parse(Form::COMMA, bytes.as_bytes()).unwrap();
    let sum = reply.sum.map(|sum| sum.to_string());
    (reply.name.to_string(), reply.number.to_string(), sum)
}

fn good(name: &str, number: &str, sum: Option<&str>) -> (String, String, Option<String>) {
    (name.to_owned(), number.to_owned(), sum.map(str::to_owned))
}

#[test]
fn the_replies_of_every_form() {
    let fixed = |numbers: &[u8]| {
        let mut bytes = b"A Server".to_vec();
        bytes.resize(256, 0);
        [&bytes, numbers].concat()
    };
    let text = |text: &str| text.as_bytes().to_vec();
    for (reply, bytes) in [
        (
            reply(Form::TEXT, None, false),
            text("Server of A Server: 10"),
        ),
        (
            reply(Form::TEXT, None, true),
            text("Server of A Server: 10\nServer closing..."),
        ),
        (
            reply(Form::TEXT.ending(LineEnd::Lf), None, true),
            text("Server of A Server: 10\nServer closing...\n"),
        ),
        (
            reply(Form::JSON, Some(35), false),
            text(r#"{"server_name": "A Server", "server_number": 10, "sum": 35}"#),
        ),
        (
            reply(Form::JSON, None, false),
            text(r#"{"server_name": "A Server", "server_number": 10}"#),
        ),
        (
            reply(Form::JSON_NAME.ending(LineEnd::CrLf), Some(35), false),
            text("{\"name\": \"A Server\", \"number\": 10, \"sum\": 35}\r\n"),
        ),
        (reply(Form::COMMA, None, false), text("A Server,10")),
        (reply(Form::COMMA, Some(35), false), text("A Server,10,35")),
        (reply(Form::PIPE, Some(36), false), text("A Server|10|36")),
        (reply(Form::BLANK, None, false), text("A Server 10")),
        (reply(Form::BLANK, Some(35), false), text("A Server 10 35")),
        (
            reply(Form::UTF_INT, None, false),
            text("\0\x08A Server\0\0\0\x0a"),
        ),
        (
            reply(Form::UTF_INT, Some(35), false),
            text("\0\x08A Server\0\0\0\x0a\0\0\0\x23"),
        ),
        (
            reply(Form::UTF_TEXT, None, false),
            text("\0\x0bA Server;10"),
        ),
        (reply(Form::STRUCT256, None, false), fixed(&[0, 0, 0, 10])),
        (
            reply(Form::STRUCT256, Some(35), false),
            fixed(&[0, 0, 0, 10, 0, 0, 0, 35]),
        ),
    ] {
        assert_eq!(reply.encode(), Ok(bytes.clone()));
        assert_eq!(parse(reply.form, &bytes), Ok(reply.clone()));
        assert_eq!(Reply::detect(&asked(), &bytes), Some(reply));
    }
}

#[test]
fn every_separator_is_read_with_and_without_a_sum_and_a_line_end() {
    for separator in [":", ": ", ",", ", ", ";", "|", " | ", " ", "  "] {
        for title in ["", "Server of "] {
            for end in ["", "\n", "\r\n"] {
                let text = format!("{title}X{separator}10{end}");
                let (name, number, sum) = shown(&text);
                assert_eq!((name.trim_end(), number.as_str(), sum), ("X", "10", None));
                if title.is_empty() {
                    let text = format!("X{separator}10{separator}35{end}");
                    let (name, number, sum) = shown(&text);
                    assert_eq!((name.trim_end(), number.as_str()), ("X", "10"));
                    assert_eq!(sum.as_deref(), Some("35"));
                }
            }
        }
    }
}

#[test]
fn a_wrong_sum_is_told_from_a_name_that_ends_with_a_number() {
    assert_eq!(shown("X,10,36"), good("X", "10", Some("36")));
    assert_eq!(shown("X,10,36,7"), good("X,10", "36", Some("7")));
    // No server's number is 2026.
    assert_eq!(shown("X,2026,10"), good("X,2026", "10", None));
    assert_eq!(shown("Room 7 10"), good("Room 7", "10", None));
    assert_eq!(shown("Room 7 10 35"), good("Room 7", "10", Some("35")));
    assert_eq!(shown("Server of a: 17: 42"), good("a: 17", "42", None));
}

#[test]
fn what_is_no_reply_says_why() {
    let refused = |form: Form, bytes: &str| parse(form, bytes.as_bytes()).unwrap_err();
    assert_eq!(refused(Form::JSON, ""), BadReply::Nothing);
    assert_eq!(
        refused(Form::TEXT, "Error: no\u{1b}").to_string(),
        "the server refuses the request: no\\u{1b}"
    );
    assert_eq!(refused(Form::TEXT, "Server of A"), BadReply::Form);
    assert_eq!(refused(Form::TEXT, "Server of A: x"), BadReply::Number);
    let sum = r#"{"server_name": "A", "server_number": 1, "sum": "2"}"#;
    assert_eq!(refused(Form::JSON, sum), BadReply::Number);
    assert!(matches!(
        refused(Form::JSON, "{\"a\": 1}"),
        BadReply::Json(_)
    ));
    let cut = refused(Form::UTF_INT, "\0\x08A Ser");
    assert_eq!(cut, BadReply::Binary(Form::UTF_INT));
    let twice = r#"{"name": "A", "number": 1, "number": 1}"#;
    assert!(matches!(refused(Form::JSON, twice), BadReply::Json(_)));
}

#[test]
fn what_a_buffer_holds_behind_a_reply_does_no_harm() {
    let padded = [&b"A Server,10\n"[..], &[0; 500]].concat();
    let comma = reply(Form::COMMA.ending(LineEnd::Lf), None, false);
    assert_eq!(parse(Form::COMMA, &padded), Ok(comma));
    let mut field = b"A Server\0left over".to_vec();
    field.resize(256, 0xcc);
    field.extend([0, 0, 0, 10]);
    let fixed = reply(Form::STRUCT256, None, false);
    assert_eq!(parse(Form::STRUCT256, &field), Ok(fixed));
}

#[test]
fn a_reply_in_another_form_is_named() {
    let refused = |form: Form, bytes: &str| parse(form, bytes.as_bytes()).unwrap_err();
    let comma = refused(Form::JSON, "A Server,10");
    assert_eq!(comma, BadReply::Other(Form::COMMA));
    assert_eq!(
        comma.to_string(),
        "the server answers in another form: name,number; ask in that one, with --dialect comma"
    );
    let json = refused(Form::TEXT, r#"{"name": "A", "number": 1}"#);
    assert_eq!(json, BadReply::Other(Form::JSON_NAME));
    let utf = refused(Form::STRUCT256, "\0\x01A\0\0\0\x0a");
    assert_eq!(utf, BadReply::Other(Form::UTF_INT));
}

#[test]
fn a_name_is_cut_where_a_form_has_no_room_for_it() {
    let long: Name = format!("{}\u{1f980}", "x".repeat(252)).parse().unwrap();
    let cut = fitting(&Form::STRUCT256, &long);
    assert_eq!(cut.as_str(), "x".repeat(252));
    assert_eq!(fitting(&Form::UTF_INT, &long), long);
    let mut reply = reply(Form::STRUCT256, None, false);
    reply.name = cut;
    assert!(reply.encode().is_ok());
}

proptest! {
    #[test]
    fn replies_survive_every_form(
        form in prop::sample::select(Form::NAMED.map(|(_, form)| form).to_vec()),
        name in "[A-Za-z\u{eb}\u{6f22}\u{1f980}]{1,8}([ .:-][A-Za-z.\u{eb}]{1,6}){0,4}",
        number in 1..=100_i128,
        asked in 1..=100_i128,
        with_sum in any::<bool>(),
    ) {
        let seeds = form == Form::TEXT;
        let reply = Reply {
            form,
            name: Name::of_peer(&name),
            number: number.into(),
            sum: (with_sum && !seeds).then(|| (number + asked).into()),
            closing: seeds && with_sum,
        };
        let bytes = reply.encode().unwrap();
        assert_eq!(Reply::parse(&form, &asked.into(), &bytes), Ok(reply));
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for (_, form) in Form::NAMED {
            let _ = Reply::parse(&form, &asked(), &bytes);
        }
    }
}
