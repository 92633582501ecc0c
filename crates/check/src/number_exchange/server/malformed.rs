//! Input that is no request: the server does not answer it as one, and goes on.

use fleetlink_proto::number_exchange::Form;

use super::judge::{Spoken, is_reply, judge, plain_request};
use super::probe::{Ending, Probe};
use crate::{Check, Finding, Plan, shown};

/// Longer than any request.
const OVERLONG: usize = 100_000;

struct Case {
    check: &'static str,
    shows: &'static str,
    bytes: Vec<u8>,
    ending: Ending,
}

fn case(check: &'static str, shows: &'static str, bytes: &[u8]) -> Case {
    Case {
        check,
        shows,
        bytes: bytes.to_vec(),
        ending: Ending::Stream,
    }
}

/// A request without end, which begins like this.
fn over_long(start: &str) -> Case {
    let bytes = [start.as_bytes(), &vec![b'x'; OVERLONG]].concat();
    Case {
        ending: Ending::Silence,
        ..case("over-long", "a request without end does no harm", &bytes)
    }
}

fn cases(form: Form) -> Vec<Case> {
    let nothing = case("nothing", "a client that goes at once does no harm", b"");
    let no_number = "a request without a number is no request";
    let word = "a word is no number";
    let binary = "bytes that are no text do no harm";
    match form {
        Form::Text(text) => {
            let title = if text.titled { "Client of " } else { "" };
            let separator = format!("{}{}", text.separator.as_str(), text.blanks);
            let without = format!("{title}Checker");
            let with = format!("{title}Checker{separator}twenty");
            vec![
                nothing,
                case("no-number", no_number, without.as_bytes()),
                case("word", word, with.as_bytes()),
                case("binary", binary, b"\x00\xff\xfe\x80Client"),
                over_long(title),
            ]
        }
        Form::Json(json) => {
            let key = match json.keys {
                fleetlink_proto::number_exchange::JsonKeys::Sided => "client_",
                fleetlink_proto::number_exchange::JsonKeys::Plain => "",
            };
            let object = |rest: &str| format!("{{\"{key}name\": \"{rest}").into_bytes();
            let with = format!("Checker\", \"{key}number\": \"twenty\"}}");
            let deep = "{\"a\":[".repeat(600);
            let bad = [&object("")[..], b"\xff\xfe\"}"].concat();
            vec![
                nothing,
                case(
                    "cut-off",
                    "an object that is cut off is no request",
                    &object("A Cl"),
                ),
                case("no-number", no_number, &object("Checker\"}")),
                case("word", word, &object(&with)),
                case("binary", binary, &bad),
                case("deep", "deep nesting does no harm", deep.as_bytes()),
                over_long(&format!("{{\"{key}name\": \"")),
            ]
        }
        Form::UtfInt(_) | Form::UtfText(..) | Form::Struct256 => {
            let whole = plain_request(form, 25);
            let half = &whole[..whole.len() / 2];
            vec![
                nothing,
                case("cut-off", "half a request is no request", half),
                over_long("x"),
            ]
        }
    }
}

/// Adds the checks of one form. What is answered once as if it were a request, or kills the server,
/// is not looked for again.
pub(super) fn add(plan: &mut Plan, server: &Probe, spoken: Spoken) {
    let mut before = vec![];
    if let Some(form) = spoken.before {
        let twin = Spoken { form, before: None };
        before.extend(cases(form).iter().map(|case| twin.id(case.check)));
    }
    for case in cases(spoken.form) {
        let id = spoken.id(case.check);
        let work = survives(server.clone(), spoken.form, case.bytes, case.ending);
        let check = Check::new(&id, case.shows, work);
        let check = check.needs([spoken.id("reply")]);
        plan.add(check.unless_failed(before.clone()));
        before.push(id);
    }
}

async fn survives(server: Probe, form: Form, bytes: Vec<u8>, ending: Ending) -> Finding {
    let heard = match server.try_input(&bytes, ending).await {
        Ok(heard) => heard,
        Err(finding) => return finding,
    };
    let after = match server.ask(&plain_request(form, 25)).await {
        Ok(after) => judge(form, 25, &after).map_err(|why| format!("{why}: {}", after.shown())),
        Err(finding) => return finding,
    };
    let finding = if let Err(why) = after {
        Finding::fail(format!("the next client was not answered ({why})"))
    } else if is_reply(form, &server, &heard.bytes) {
        Finding::fail("it was answered as if it were a request")
    } else if !heard.closed && server.closes() {
        Finding::fail("the connection has to be closed")
    } else {
        Finding::pass()
    };
    finding
        .sent(shown(&bytes))
        .came(heard.shown())
        .expected("an error or a close, and an answer to the next client")
}
