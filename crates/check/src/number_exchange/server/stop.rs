//! The stop at a number out of range: the last of all checks, for the server is gone after it.

use std::time::Duration;

use fleetlink_proto::number_exchange::{Form, Reply};
use tokio::time::{Instant, sleep};

use super::judge::{id, plain_request};
use super::probe::{Ending, Heard, Probe};
use crate::{Check, Finding, Plan, shown};

/// The time for a server to stop: it may answer others first.
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// The time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

const SHOWS: &str = "a number out of range stops the server";

/// Adds the check of one form, and says why the others' are left out.
pub(super) fn add(plan: &mut Plan, server: &Probe, forms: &[Form], allowed: bool) {
    let mut may_stop = allowed;
    for form in forms {
        let check = id(form, "stop");
        if !form.is_seeds() {
            plan.skip(check, SHOWS, "in this form it closes the connection alone");
        } else if may_stop {
            let check = Check::new(check, SHOWS, stops(server.clone(), *form));
            let check = check.needs([id(form, "reply")]);
            plan.add(check.within(Duration::from_secs(60)));
            may_stop = false;
        } else if allowed {
            let name = form.name();
            let why = format!("a server stops only once; start it again and use --dialect {name}");
            plan.skip(check, SHOWS, why);
        } else {
            plan.skip(
                check,
                SHOWS,
                "it ends the server; allow it with --allow-stop",
            );
        }
    }
}

async fn stops(server: Probe, form: Form) -> Finding {
    let sent = plain_request(form, 0);
    let heard = match server.try_input(&sent, Ending::Stream).await {
        Ok(heard) => heard,
        Err(finding) => return finding.sent(shown(&sent)),
    };
    let farewell = farewell(form, &heard);
    let (finding, came) = if farewell.failed() {
        (farewell, heard.shown())
    } else if gone(&server).await {
        let came = format!("{}; nothing listens any more", heard.shown());
        (farewell, came)
    } else {
        let came = format!(
            "{}; it still listens after {STOP_PATIENCE:?}",
            heard.shown()
        );
        (Finding::fail("a number out of range ends the server"), came)
    };
    let expected = if form == Form::TEXT {
        "Server of <name>: <number>\\nServer closing..., and the end of the server"
    } else {
        "a close without a reply, and the end of the server"
    };
    finding.sent(shown(&sent)).came(came).expected(expected)
}

fn farewell(form: Form, heard: &Heard) -> Finding {
    if form != Form::TEXT {
        let why = "in JSON a number out of range has no reply";
        return Finding::compare(&heard.bytes, b"", why);
    }
    match Reply::parse(&form, &0.into(), &heard.bytes) {
        Ok(reply) if reply.closing => Finding::pass(),
        Ok(_) => Finding::fail("the reply has to say that the server closes"),
        Err(bad) => Finding::fail(bad.to_string()),
    }
}

/// Whether nothing listens any more, soon enough.
async fn gone(server: &Probe) -> bool {
    let until = Instant::now() + STOP_PATIENCE;
    while Instant::now() < until {
        if server.connect().await.is_err() {
            return true;
        }
        sleep(LOOK_EVERY).await;
    }
    false
}
