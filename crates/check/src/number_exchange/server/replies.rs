//! Replies to good requests: form, names, numbers, sums, boundaries, and every way to end one.

use std::time::Duration;

use fleetlink_proto::number_exchange::{Form, Integer, LineEnd, Name};
use tokio::io::AsyncWriteExt as _;
use tokio::time::sleep;

use super::judge::{Spoken, judge, judged, plain_request, request};
use super::probe::{Ending, Probe, closes, hear, say};
use crate::{Check, CheckResult, Finding, Plan, Work, merged, shown};

/// Between two pieces: long enough to travel apart, shorter than any quiet time.
const PIECE_PAUSE: Duration = Duration::from_millis(30);
/// Requests in pieces: a server that stalls may read them at once and look right.
const IN_PIECES: usize = 3;

/// Adds the checks of one form.
pub(super) fn add(plan: &mut Plan, server: &Probe, spoken: Spoken, name: Option<&Name>) {
    let form = spoken.form;
    let on = || server.clone();
    let text = form.name() == "text";
    let answers = ["answers".to_owned()];
    let reply_id = [spoken.id("reply")];
    let shows = "a request is answered in its form";
    let first = Check::new(spoken.id("reply"), shows, merged(reply(on(), form)));
    plan.add(first.needs(answers));
    let mut add = |id: &str, shows: &str, needs: &[&str], work| {
        let check = Check::new(spoken.id(id), shows, work);
        let check = check.needs(reply_id.clone()).unless_failed(spoken.twin(id));
        plan.add(check.needs(needs.iter().map(|id| spoken.id(id))));
    };
    let shows = "the server closes the connection after the client's end";
    add("close", shows, &[], boxed(close(on(), form)));
    let shows = "the server tells its own name, to all the same";
    add(
        "server-name",
        shows,
        &[],
        boxed(server_name(on(), form, name.cloned())),
    );
    let shows = "the server's own number is from 1 to 100";
    add(
        "server-number",
        shows,
        &[],
        boxed(server_number(on(), form)),
    );
    let shows = "numbers of one and two digits are answered";
    add(
        "numbers",
        shows,
        &[],
        boxed(numbers(on(), form, &[5, 25, 99])),
    );
    if !text {
        let shows = "the sum is right";
        add("sum", shows, &["numbers"], boxed(sums(on(), form)));
    }
    let shows = "1 and 100 are in range";
    add(
        "boundaries",
        shows,
        &["numbers"],
        boxed(numbers(on(), form, &[1, 100])),
    );
    let shows = "names may hold separators, quotes and any UTF-8";
    add("odd-names", shows, &[], boxed(odd_names(on(), form)));
    let shows = "a request that nothing ends is answered";
    add("no-end", shows, &[], boxed(open_end(on(), form)));
    if form.ending(LineEnd::Lf) != form {
        let shows = "a newline ends a request";
        let work = open_end(on(), form.ending(LineEnd::Lf));
        add("newline", shows, &["no-end"], boxed(work));
    }
    let shows = "a request may come in pieces";
    add("pieces", shows, &[], boxed(pieces(on(), form)));
}

fn boxed(work: impl Future<Output = CheckResult> + Send + 'static) -> Work {
    Box::pin(merged(work))
}

async fn reply(server: Probe, form: Form) -> CheckResult {
    let sent = plain_request(form, 25);
    let (finding, reply) = judged(form, 25, &sent, server.ask(&sent).await)?;
    // The first form's; another one has the same.
    let _ = server.name.set(reply.name);
    Ok(finding)
}

async fn close(server: Probe, form: Form) -> CheckResult {
    let sent = plain_request(form, 25);
    let mut stream = server.connect().await?;
    say(&mut stream, &sent, Ending::Stream).await;
    let heard = hear(&mut stream).await;
    server.note(&sent);
    let finding = Finding::pass().sent(shown(&sent)).came(heard.shown());
    if heard.closed || closes(&mut stream).await {
        return Ok(finding);
    }
    server.leaves_open();
    Err(finding.but("nothing frames a reply: its end is the close of the connection"))
}

/// Asks under two names, of which none may come back as the server's.
async fn server_name(server: Probe, form: Form, expected: Option<Name>) -> CheckResult {
    let mut told: Option<Name> = None;
    let mut last = Finding::pass();
    for client in ["checker-1", "checker-2"] {
        let Some(sent) = request(form, client, 25) else {
            continue;
        };
        let (finding, reply) = judged(form, 25, &sent, server.ask(&sent).await)?;
        let name = reply.name;
        let why = match (&expected, &told) {
            (Some(expected), _) if *expected != name => {
                Some(format!("the server's name should be {expected}"))
            }
            (_, Some(told)) if *told != name => Some("the name changes with the client".to_owned()),
            _ if name.as_str() == client => Some("that is the client's name".to_owned()),
            _ if name.as_str().is_empty() => Some("the name is empty".to_owned()),
            _ => None,
        };
        if let Some(why) = why {
            let expected = expected.map_or_else(
                || "the server's own name".to_owned(),
                |name| name.to_string(),
            );
            return Err(finding.but(why).expected(expected));
        }
        told = Some(name);
        last = finding;
    }
    Ok(last)
}

async fn server_number(server: Probe, form: Form) -> CheckResult {
    let sent = plain_request(form, 25);
    let (finding, reply) = judged(form, 25, &sent, server.ask(&sent).await)?;
    if reply.number.in_range().is_some() {
        return Ok(finding);
    }
    Err(finding.but("the server's own number is not from 1 to 100"))
}

async fn numbers(server: Probe, form: Form, numbers: &'static [i128]) -> CheckResult {
    let mut last = Finding::pass();
    for &number in numbers {
        let sent = plain_request(form, number);
        last = judged(form, number, &sent, server.ask(&sent).await)?.0;
    }
    Ok(last)
}

async fn sums(server: Probe, form: Form) -> CheckResult {
    let mut last = Finding::pass();
    for number in [5, 25, 99] {
        let sent = plain_request(form, number);
        let (finding, reply) = judged(form, number, &sent, server.ask(&sent).await)?;
        let Some(stated) = &reply.sum else {
            return Ok(Finding::skipped(
                "the server states no sum, as older ones do",
            ));
        };
        let sum: Integer = reply.number.plus(&number.into());
        if *stated != sum {
            let why = format!("the sum is wrong: {number} and {} make {sum}", reply.number);
            return Err(finding.but(why));
        }
        last = finding;
    }
    Ok(last)
}

async fn odd_names(server: Probe, form: Form) -> CheckResult {
    let mut last = Finding::pass();
    for name in ["a: b: 7", "\"Zoë\" \\ 漢字 🦀", "}{: ,", "Zoë-漢🦀"] {
        let Some(sent) = request(form, name, 25) else {
            continue;
        };
        // The name may be what a server dies of.
        let mut heard = server.try_input(&sent, Ending::Stream).await;
        if matches!(&heard, Ok(heard) if heard.bytes.is_empty()) {
            heard = server.ask(&sent).await;
        }
        last = judged(form, 25, &sent, heard)?.0;
    }
    Ok(last)
}

/// Nothing follows the request's own bytes, and the stream stays open.
async fn open_end(server: Probe, form: Form) -> CheckResult {
    let sent = plain_request(form, 25);
    let heard = server.try_input(&sent, Ending::Silence).await;
    Ok(judged(form, 25, &sent, heard)?.0)
}

async fn pieces(server: Probe, form: Form) -> CheckResult {
    let sent = plain_request(form, 25);
    let mut last = Finding::pass();
    for _ in 0..IN_PIECES {
        let heard = in_pieces(&server, &sent).await?;
        last = match judge(form, 25, &heard) {
            Ok(_) => Finding::pass(),
            Err(why) => Finding::fail(why),
        };
        let shown_pieces: Vec<String> = split(&sent).iter().map(|piece| shown(piece)).collect();
        last = last.sent(shown_pieces.join(" | ")).came(heard.shown());
        if last.failed() {
            break;
        }
    }
    Ok(last)
}

async fn in_pieces(server: &Probe, sent: &[u8]) -> Result<super::probe::Heard, Finding> {
    let mut stream = server.connect().await?;
    server.note(&sent[..1]);
    for piece in split(sent) {
        // What a server does not take shows in what it answers.
        let _ = stream.write_all(piece).await;
        sleep(PIECE_PAUSE).await;
    }
    say(&mut stream, b"", Ending::Stream).await;
    Ok(hear(&mut stream).await)
}

/// A few pieces, of which the last holds the whole number: a server may take a silence behind a
/// digit for the end.
fn split(sent: &[u8]) -> Vec<&[u8]> {
    let number = sent.iter().rposition(|byte| *byte == b'2');
    let number = number.unwrap_or(sent.len().saturating_sub(4));
    let (before, last) = sent.split_at(number);
    let size = before.len().div_ceil(5).max(1);
    before.chunks(size).chain([last]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_leave_the_number_whole() {
        for (_, form) in Form::NAMED {
            let sent = plain_request(form, 25);
            let pieces = split(&sent);
            assert_eq!(pieces.concat(), sent, "{form}");
            assert!((2..=6).contains(&pieces.len()), "{form}");
            assert!(pieces[0].len() < sent.len() / 2 && !pieces[0].is_empty());
        }
        assert_eq!(split(b"ab,25").last(), Some(&&b"25"[..]));
    }
}
