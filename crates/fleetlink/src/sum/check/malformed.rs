//! Input that is no request: the server does not answer it as one, and goes on.

use fleetlink_proto::number_exchange::Reply;

use super::Dialect;
use super::probe::{Ending, Server, judge, request};
use crate::check::{Check, Finding, Plan, shown};

/// Longer than any request.
const OVERLONG: usize = 100_000;

struct Case {
    id: &'static str,
    shows: &'static str,
    bytes: Vec<u8>,
    ending: Ending,
}

fn case(id: &'static str, shows: &'static str, bytes: &[u8]) -> Case {
    Case {
        id,
        shows,
        bytes: bytes.to_vec(),
        ending: Ending::Stream,
    }
}

fn cases(dialect: Dialect) -> Vec<Case> {
    let overlong = |start: &str| [start.as_bytes(), &vec![b'x'; OVERLONG]].concat();
    match dialect {
        Dialect::Text => vec![
            case(
                "text.nothing",
                "a client that goes at once does no harm",
                b"",
            ),
            case(
                "text.no-number",
                "a request without a number is no request",
                b"Client of A Client",
            ),
            case(
                "text.word",
                "a word is no number",
                b"Client of A Client: twenty",
            ),
            case(
                "text.binary",
                "bytes that are no text do no harm",
                b"\x00\xff\xfe\x80Client",
            ),
            Case {
                ending: Ending::Silence,
                ..case(
                    "text.over-long",
                    "a request without end does no harm",
                    &overlong("Client of "),
                )
            },
        ],
        Dialect::Json => vec![
            case(
                "json.cut-off",
                "an object that is cut off is no request",
                br#"{"client_name": "A Cl"#,
            ),
            case(
                "json.no-number",
                "an object without a number is no request",
                br#"{"client_name": "A Client"}"#,
            ),
            case(
                "json.word",
                "a string is no number",
                br#"{"client_name": "A Client", "client_number": "twenty"}"#,
            ),
            case(
                "json.binary",
                "bytes that are no text do no harm",
                b"{\"client_name\": \"\xff\xfe\"}",
            ),
            case(
                "json.deep",
                "deep nesting does no harm",
                "{\"a\":[".repeat(600).as_bytes(),
            ),
            Case {
                ending: Ending::Silence,
                ..case(
                    "json.over-long",
                    "a request without end does no harm",
                    &overlong("{\"client_name\": \""),
                )
            },
        ],
    }
}

/// Adds the checks of one dialect.
pub(super) fn add(plan: &mut Plan, server: Server, dialect: Dialect) {
    for case in cases(dialect) {
        let (id, shows) = (case.id, case.shows);
        plan.add(Check::new(id, shows, survives(server, dialect, case)));
    }
}

async fn survives(server: Server, dialect: Dialect, case: Case) -> Finding {
    let heard = match server.ask(&case.bytes, case.ending).await {
        Ok(heard) => heard,
        Err(reason) => return Finding::fail(reason),
    };
    let good = request(dialect, "A Client", 25);
    let after = match server.ask(&good, Ending::Stream).await {
        Ok(after) => judge(dialect, 25, &after).map_err(|why| format!("{why}: {}", after.shown())),
        Err(reason) => Err(reason),
    };
    let finding = if let Err(why) = after {
        Finding::fail(format!("the next client was not answered ({why})"))
    } else if looks_like_a_reply(&heard.bytes) {
        Finding::fail("it was answered as if it were a request")
    } else if !heard.closed {
        Finding::fail("the connection has to be closed")
    } else {
        Finding::pass()
    };
    finding
        .sent(shown(&case.bytes))
        .came(heard.shown())
        .expected("an error or a close, and an answer to the next client")
}

/// In either dialect: a server may not know which one it was asked in.
fn looks_like_a_reply(bytes: &[u8]) -> bool {
    Reply::detect(&25.into(), bytes).is_some()
}
