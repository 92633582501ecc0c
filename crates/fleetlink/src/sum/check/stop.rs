//! The stop at a number out of range: the last of all checks, for the server is gone after it.

use std::time::Duration;

use fleetlink_proto::number_exchange::Reply;
use tokio::time::{Instant, sleep};

use super::Dialect;
use super::probe::{Ending, Heard, Server, request};
use crate::check::{Check, Finding, Plan, shown};

/// How long a server may take to stop: it may answer others first.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

const IDS: [(&str, Dialect); 2] = [("text.stop", Dialect::Text), ("json.stop", Dialect::Json)];
const SHOWS: &str = "a number out of range stops the server";

/// Adds the check of one dialect, and says why the other's is left out.
pub(super) fn add(plan: &mut Plan, server: Server, dialects: &[Dialect], allowed: bool) {
    let mut may_stop = allowed;
    for (id, dialect) in IDS.iter().filter(|(_, dialect)| dialects.contains(dialect)) {
        if may_stop {
            let check = Check::new(*id, SHOWS, stops(server, *dialect));
            plan.add(check.within(2 * STOP_PATIENCE));
            may_stop = false;
        } else if allowed {
            let why = "a server stops only once; start it again and use --dialect json";
            plan.skip(*id, SHOWS, why);
        } else {
            plan.skip(*id, SHOWS, "it ends the server; allow it with --allow-stop");
        }
    }
}

async fn stops(server: Server, dialect: Dialect) -> Finding {
    let sent = request(dialect, "A Client", 0);
    let heard = match server.ask(&sent, Ending::Stream).await {
        Ok(heard) => heard,
        Err(reason) => return Finding::fail(reason).sent(shown(&sent)),
    };
    let farewell = farewell(dialect, &heard);
    let (finding, came) = if farewell.failed() {
        (farewell, heard.shown())
    } else if gone(server).await {
        let came = format!("{}; nothing listens any more", heard.shown());
        (farewell, came)
    } else {
        let came = format!(
            "{}; it still listens after {STOP_PATIENCE:?}",
            heard.shown()
        );
        (Finding::fail("a number out of range ends the server"), came)
    };
    let expected = match dialect {
        Dialect::Text => {
            "Server of <name>: <number>\\nServer closing..., and the end of the server"
        }
        Dialect::Json => "a close without a reply, and the end of the server",
    };
    finding.sent(shown(&sent)).came(came).expected(expected)
}

fn farewell(dialect: Dialect, heard: &Heard) -> Finding {
    match dialect {
        Dialect::Json => {
            let why = "in JSON a number out of range has no reply";
            Finding::compare(&heard.bytes, b"", why)
        }
        Dialect::Text => match Reply::parse(&dialect.form(), &0.into(), &heard.bytes) {
            Ok(reply) if reply.closing && reply.encode().as_ref() == Ok(&heard.bytes) => {
                Finding::pass()
            }
            Ok(_) => Finding::fail("the reply has to say that the server closes"),
            Err(bad) => Finding::fail(bad.to_string()),
        },
    }
}

/// Whether nothing listens any more, soon enough.
async fn gone(server: Server) -> bool {
    let until = Instant::now() + STOP_PATIENCE;
    while Instant::now() < until {
        if server.connect().await.is_err() {
            return true;
        }
        sleep(LOOK_EVERY).await;
    }
    false
}
