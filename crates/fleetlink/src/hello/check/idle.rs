//! The end of a server that nobody asks.

use std::io;
use std::time::{Duration, Instant};

use fleetlink_proto::lease::{Request, Transport};
use tokio::time::sleep_until;

use super::Outcome;
use super::asking::{Asked, Target, connect, over_udp};
use crate::check::Finding;

/// What a server may be late.
const LATE: Duration = Duration::from_secs(1);
/// How long a server that is gone is waited for, and one that is there watched.
const LOOK: Duration = Duration::from_secs(1);

/// Up just before the time is over, gone just after it.
pub(super) async fn exit(target: Target, idle: Duration) -> Outcome {
    let (_, last) = target.granted().await?;
    let margin = (idle / 5).min(Duration::from_secs(2));
    let early = last.before + idle - margin;
    sleep_until(early.into()).await;
    let up = is_up(&target).await;
    // A look that took too long says nothing.
    if !up && Instant::now() < last.before + idle + LOOK {
        let why = format!("the server ended before {idle:?} had passed since the last request");
        return Err(Finding::fail(why));
    }
    sleep_until((last.after + idle + LATE).into()).await;
    match still_answers(&target).await {
        None => Ok(Finding::pass().came("the server is gone")),
        Some(asked) => {
            Err(asked.fail(&format!("{idle:?} after the last request the server is up")))
        }
    }
}

/// Whether the port is served, found out without a well-formed request, which would put the end
/// off.
async fn is_up(target: &Target) -> bool {
    match target.transport {
        Transport::Tcp => connect(target.server).await.is_ok(),
        // A closed port answers with ICMP; silence is a server's.
        Transport::Udp => {
            let asked = over_udp(target.server, b"?", LOOK / 4).await;
            !asked.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        }
    }
}

async fn still_answers(target: &Target) -> Option<Asked> {
    let request = Request::encode(target.new_id());
    let asked = match target.transport {
        Transport::Udp => over_udp(target.server, &request, LOOK).await.ok()?,
        Transport::Tcp => super::asking::over_tcp(target.server, &request)
            .await
            .ok()?,
    };
    (!asked.reply.is_empty()).then_some(asked)
}
