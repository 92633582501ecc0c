//! Many clients at once, and clients that say nothing.

use fleetlink_proto::number_exchange::Form;
use tokio::task::JoinSet;

use super::judge::{Spoken, expected, judge, plain_request, request};
use super::probe::{Ending, PATIENCE, Probe, hear, say};
use crate::{Check, Finding, Plan, shown};

/// Clients at once: what a small server's queue of connections can be expected to hold.
const CROWD: i128 = 50;

/// Adds the checks of one form.
pub(super) fn add(plan: &mut Plan, server: &Probe, spoken: Spoken) {
    let shows = "who says nothing, or half a request, holds up nobody";
    let work = beside_silence(server.clone(), spoken.form);
    let silent = Check::new(spoken.id("silent-client"), shows, work);
    let silent = silent.needs([spoken.id("reply")]);
    plan.add(silent.unless_failed(spoken.twin("silent-client")));
    let shows = "fifty clients at once each get their own answer";
    let crowd = Check::new(
        spoken.id("crowd"),
        shows,
        fifty(server.clone(), spoken.form),
    );
    let needs = ["reply", "pieces", "silent-client"];
    let crowd = crowd.needs(needs.map(|check| spoken.id(check)));
    let twins = spoken.twin("crowd").into_iter().chain([spoken.id("sum")]);
    plan.add(crowd.unless_failed(twins));
}

/// All are connected before any says all of its request.
async fn fifty(server: Probe, form: Form) -> Finding {
    let mut clients = Vec::new();
    for number in 1..=CROWD {
        let name = format!("client-{number}");
        let Some(sent) = request(form, &name, number) else {
            continue;
        };
        let mut stream = match server.connect().await {
            Ok(stream) => stream,
            Err(finding) => {
                let why = format!("client {number} of {CROWD} gets no connection");
                return finding.but_unless_gone(why);
            }
        };
        server.note(&sent);
        say(&mut stream, &sent[..4], Ending::Silence).await;
        clients.push((number, stream, sent));
    }
    let mut asking = JoinSet::new();
    for (number, mut stream, sent) in clients {
        asking.spawn(async move {
            say(&mut stream, &sent[4..], Ending::Stream).await;
            let heard = hear(&mut stream).await;
            let why = match judge(form, number, &heard) {
                Err(why) => why,
                Ok(reply) => {
                    let sum = reply.number.plus(&number.into());
                    if reply.sum.is_none_or(|stated| stated == sum) {
                        return None;
                    }
                    "the answer is another client's: the sum does not fit".to_owned()
                }
            };
            let finding = Finding::fail(why).sent(shown(&sent));
            Some(finding.came(heard.shown()).expected(expected(form)))
        });
    }
    let wrong = asking.join_all().await.into_iter().flatten().next();
    wrong.unwrap_or_else(|| {
        let sent = format!("{CROWD} requests at once, each in two pieces");
        Finding::pass().sent(sent).came("every answer, and right")
    })
}

async fn beside_silence(server: Probe, form: Form) -> Finding {
    let sent = plain_request(form, 25);
    let silent = match server.connect().await {
        Ok(stream) => stream,
        Err(finding) => return finding,
    };
    // A server with a short queue that accepts nobody else is the fault that is looked for.
    let mut half = tokio::time::timeout(PATIENCE, server.connect()).await;
    if let Ok(Ok(half)) = &mut half {
        say(half, &sent[..4], Ending::Silence).await;
    }
    server.note(&sent[..4]);
    let heard = server.ask(&sent).await;
    drop((silent, half));
    // Those clients have gone now: that, too, does no harm.
    let after = server.ask(&sent).await;
    let why = "one client's silence must not hold up another";
    let finding = match heard {
        Err(finding) => finding.but_unless_gone(why),
        Ok(heard) => match judge(form, 25, &heard) {
            Ok(_) => after.map_or_else(|gone| gone, |_| Finding::pass().came(heard.shown())),
            Err(_) if heard.bytes.is_empty() => Finding::fail(why).came(heard.shown()),
            Err(why) => Finding::fail(why).came(heard.shown()),
        },
    };
    let sent = format!(
        "nothing on one connection, half a request on another, then {}",
        shown(&sent)
    );
    finding.sent(sent).expected(expected(form))
}
