//! The end of a server that nobody asks.

use std::io;
use std::time::{Duration, Instant};

use fleetlink_proto::lease::{Request, Transport};
use tokio::time::{sleep, sleep_until};

use super::asking::Target;
use super::exchange::{connect, over_udp};
use crate::{CheckResult, Finding};

/// The time by which a server may be late: one that looks every second, on a busy machine.
const LATE: Duration = Duration::from_secs(3);
/// Between two looks at a server that should be gone.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The time for a reply to a look.
const LOOK: Duration = Duration::from_millis(250);
/// The time for the reply to the last request.
const ANSWER: Duration = Duration::from_secs(1);

/// Up just before the time is over, gone just after it.
pub(super) async fn exit(target: Target, idle: Duration) -> CheckResult {
    let last = target.answered().await?;
    let margin = (idle / 5).min(Duration::from_secs(2));
    sleep_until((last.before + idle - margin).into()).await;
    // A look that ended after the time says nothing.
    if !is_up(&target).await && Instant::now() < last.before + idle {
        let why = format!("the server ended before {idle:?} had passed since the last request");
        return Err(Finding::fail(why));
    }
    let latest = last.after + idle + LATE;
    sleep_until((last.after + idle).into()).await;
    while Instant::now() < latest {
        if !is_up(&target).await {
            return Ok(Finding::pass().came("the server is gone"));
        }
        sleep(LOOK_EVERY).await;
    }
    let request = Request::encode(target.new_id());
    match target.exchange(&request, ANSWER).await {
        Ok(asked) if !asked.reply.is_empty() => Err(asked.fail(&format!(
            "{idle:?} after the last well-formed request the server is up"
        ))),
        _ if is_up(&target).await => Err(Finding::fail(format!(
            "{idle:?} after the last well-formed request something still listens"
        ))),
        _ => Ok(Finding::pass().came("the server is gone")),
    }
}

/// Whether the port is served, found out without a well-formed request, which would put the end
/// off.
async fn is_up(target: &Target) -> bool {
    match target.transport {
        Transport::Tcp => connect(target.server).await.is_ok(),
        // A closed port answers with ICMP; silence is a server's.
        Transport::Udp => {
            let asked = over_udp(target.server, b"?", LOOK).await;
            !asked.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        }
    }
}
