//! Replies to good requests: form, names, numbers, sums, boundaries, and every way to end one.

use fleetlink_proto::number_exchange::{Name, Reply};

use super::Dialect;
use super::probe::{Ending, Heard, Server, form, judge, request};
use crate::check::{Check, Finding, Plan, shown};

/// The ids of one dialect's checks.
struct Ids {
    reply: &'static str,
    name: &'static str,
    numbers: &'static str,
    boundaries: &'static str,
    names: &'static str,
    pieces: &'static str,
    newline: &'static str,
    silence: &'static str,
}

const TEXT: Ids = Ids {
    reply: "text.reply",
    name: "text.server-name",
    numbers: "text.numbers",
    boundaries: "text.boundaries",
    names: "text.odd-names",
    pieces: "text.pieces",
    newline: "text.newline",
    silence: "text.silence",
};
const JSON: Ids = Ids {
    reply: "json.reply",
    name: "json.server-name",
    numbers: "json.sum",
    boundaries: "json.boundaries",
    names: "json.odd-names",
    pieces: "json.pieces",
    newline: "json.newline",
    silence: "json.no-end",
};

/// Adds the checks of one dialect.
pub(super) fn add(plan: &mut Plan, server: Server, dialect: Dialect, name: Option<&Name>) {
    let ids = match dialect {
        Dialect::Text => TEXT,
        Dialect::Json => JSON,
    };
    let name = name.cloned();
    let mut add = |id, shows, work| plan.add(Check::new(id, shows, work));
    add(
        ids.reply,
        "a request is answered in its dialect, and closed",
        boxed(reply(server, dialect)),
    );
    add(
        ids.name,
        "the server tells its own name, to all the same",
        boxed(server_name(server, dialect, name)),
    );
    add(
        ids.numbers,
        match dialect {
            Dialect::Text => "numbers of one and two digits are answered",
            Dialect::Json => "numbers of one and two digits are added right",
        },
        boxed(sums(server, dialect, &[5, 25, 99])),
    );
    add(
        ids.boundaries,
        "1 and 100 are in range",
        boxed(sums(server, dialect, &[1, 100])),
    );
    add(
        ids.names,
        "names may hold colons, quotes and any UTF-8",
        boxed(odd_names(server, dialect)),
    );
    add(
        ids.pieces,
        "a request may come a byte at a time",
        boxed(pieces(server, dialect)),
    );
    add(
        ids.newline,
        "a newline ends a request",
        boxed(ended(server, dialect, Ending::Newline)),
    );
    add(
        ids.silence,
        "a request that nothing ends is answered",
        boxed(ended(server, dialect, Ending::Silence)),
    );
}

type Work = std::pin::Pin<Box<dyn Future<Output = Finding> + Send>>;

fn boxed(work: impl Future<Output = Finding> + Send + 'static) -> Work {
    Box::pin(work)
}

/// The finding about one exchange.
fn judged(
    dialect: Dialect,
    number: i128,
    sent: &[u8],
    heard: Result<Heard, String>,
) -> (Finding, Option<Reply>) {
    let (finding, reply) = match heard {
        Err(reason) => (Finding::fail(reason), None),
        Ok(heard) => {
            let (finding, reply) = match judge(dialect, number, &heard) {
                Ok(reply) => (Finding::pass(), Some(reply)),
                Err(why) => (Finding::fail(why), None),
            };
            (finding.came(heard.shown()), reply)
        }
    };
    (finding.sent(shown(sent)).expected(form(dialect)), reply)
}

async fn reply(server: Server, dialect: Dialect) -> Finding {
    let sent = request(dialect, "A Client", 25);
    let heard = server.ask(&sent, Ending::Stream).await;
    let open = matches!(&heard, Ok(heard) if !heard.closed);
    let (finding, reply) = judged(dialect, 25, &sent, heard);
    if open && reply.is_some() {
        return finding.but("nothing frames a reply: its end is the close of the connection");
    }
    finding
}

/// Asks under two names, of which none may come back as the server's.
async fn server_name(server: Server, dialect: Dialect, expected: Option<Name>) -> Finding {
    let mut told: Option<Name> = None;
    let mut last = Finding::pass();
    for client in ["first checker", "second checker"] {
        let sent = request(dialect, client, 25);
        let (finding, reply) = judged(dialect, 25, &sent, server.ask(&sent, Ending::Stream).await);
        let Some(reply) = reply else { return finding };
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
            return finding.but(why).expected(expected);
        }
        told = Some(name);
        last = finding;
    }
    last
}

/// Where the server states no sum, as older ones do, only the reply is judged.
async fn sums(server: Server, dialect: Dialect, numbers: &'static [i128]) -> Finding {
    let mut last = Finding::pass();
    for &number in numbers {
        let sent = request(dialect, "A Client", number);
        let heard = server.ask(&sent, Ending::Stream).await;
        let (finding, reply) = judged(dialect, number, &sent, heard);
        let Some(reply) = reply else { return finding };
        if dialect == Dialect::Json && reply.sum.is_none() {
            return Finding::skipped("the server states no sum, as older ones do");
        }
        last = finding;
    }
    last
}

async fn odd_names(server: Server, dialect: Dialect) -> Finding {
    let mut last = Finding::pass();
    for name in ["a: b: 7", "\"Zoë\" \\ 漢字 🦀", "}{: ,"] {
        let sent = request(dialect, name, 25);
        let (finding, reply) = judged(dialect, 25, &sent, server.ask(&sent, Ending::Stream).await);
        if reply.is_none() {
            return finding;
        }
        last = finding;
    }
    last
}

async fn pieces(server: Server, dialect: Dialect) -> Finding {
    let sent = request(dialect, "A Client", 25);
    let heard = server.ask_slowly(&sent, Ending::Stream).await;
    judged(dialect, 25, &sent, heard).0
}

async fn ended(server: Server, dialect: Dialect, ending: Ending) -> Finding {
    let sent = request(dialect, "A Client", 25);
    let heard = server.ask(&sent, ending).await;
    let end: &[u8] = if ending == Ending::Newline {
        b"\n"
    } else {
        b""
    };
    judged(dialect, 25, &[&sent, end].concat(), heard).0
}
