//! Many clients at once, and clients that say nothing.

use tokio::task::JoinSet;

use super::Dialect;
use super::probe::{Ending, Server, form, hear, judge, request, say};
use crate::check::{Check, Finding, Plan, shown};

/// Clients at once: what a small server's queue of connections can be expected to hold.
const CROWD: i128 = 50;

/// Adds the checks of one dialect.
pub(super) fn add(plan: &mut Plan, server: Server, dialect: Dialect) {
    let (crowd, silent) = match dialect {
        Dialect::Text => ("text.crowd", "text.silent-client"),
        Dialect::Json => ("json.crowd", "json.silent-client"),
    };
    let shows = "fifty clients at once each get their own answer";
    plan.add(Check::new(crowd, shows, fifty(server, dialect)));
    let shows = "who says nothing, or half a request, holds up nobody";
    plan.add(Check::new(silent, shows, beside_silence(server, dialect)));
}

/// All are connected before any says all of its request.
async fn fifty(server: Server, dialect: Dialect) -> Finding {
    let mut clients = Vec::new();
    for number in 1..=CROWD {
        let sent = request(dialect, &format!("client {number}"), number);
        let mut stream = match server.connect().await {
            Ok(stream) => stream,
            Err(reason) => return Finding::fail(format!("client {number}: {reason}")),
        };
        say(&mut stream, &sent[..8], Ending::Silence).await;
        clients.push((number, stream, sent));
    }
    let mut asking = JoinSet::new();
    for (number, mut stream, sent) in clients {
        asking.spawn(async move {
            say(&mut stream, &sent[8..], Ending::Stream).await;
            let heard = hear(&mut stream).await;
            let judged = judge(dialect, number, &heard);
            judged.err().map(|why| {
                let finding = Finding::fail(why).sent(shown(&sent));
                finding.came(heard.shown()).expected(form(dialect))
            })
        });
    }
    let wrong = asking.join_all().await.into_iter().flatten().next();
    wrong.unwrap_or_else(|| {
        let sent = format!("{CROWD} requests at once, each in two pieces");
        Finding::pass().sent(sent).came("every answer, and right")
    })
}

async fn beside_silence(server: Server, dialect: Dialect) -> Finding {
    let sent = request(dialect, "A Client", 25);
    let (silent, half) = (server.connect().await, server.connect().await);
    let (Ok(silent), Ok(mut half)) = (silent, half) else {
        return Finding::fail("no connection");
    };
    say(&mut half, &sent[..8], Ending::Silence).await;
    let heard = server.ask(&sent, Ending::Stream).await;
    drop((silent, half));
    let finding = match heard {
        Err(reason) => Finding::fail(reason),
        Ok(heard) => match judge(dialect, 25, &heard) {
            Ok(_) => Finding::pass().came(heard.shown()),
            Err(_) if heard.bytes.is_empty() => {
                Finding::fail("one client's silence must not hold up another").came(heard.shown())
            }
            Err(why) => Finding::fail(why).came(heard.shown()),
        },
    };
    let sent = format!(
        "nothing on one connection, half a request on another, then {}",
        shown(&sent)
    );
    finding.sent(sent).expected(form(dialect))
}
