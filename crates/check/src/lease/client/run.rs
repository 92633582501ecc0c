//! One run of the client against one script.

use std::io;
use std::time::{Duration, Instant};

use fleetlink_proto::lease::LeaseId;
use tokio::time::{Instant as Deadline, timeout_at};

use super::Client;
use super::script::Script;
use super::server::{Heard, Server};
use crate::{Ended, Finding, Running};

/// The time from the start of a client to its first request: a virtual machine on a busy computer
/// needs seconds.
const FIRST_REQUEST_WITHIN: Duration = Duration::from_secs(60);
/// The time that a client may take for any step, beside its time-out.
const SLACK: Duration = Duration::from_secs(5);
/// The time for a client to end after the server's last reaction.
pub(super) const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// Requests after which a client counts as endless.
const MAX_REQUESTS: usize = 5;
/// Ids that the client is given, one a line, where it asks for another one.
const OTHER_IDS: usize = 5;

/// The behaviour of a client in one run.
pub(super) struct Run {
    /// The id that it was started with.
    pub(super) id: LeaseId,
    /// Its requests, in order.
    pub(super) requests: Vec<Heard>,
    pub(super) ended: Ended,
    /// From the first request to the client's end, where it ended by itself in time.
    pub(super) lasted: Option<Duration>,
    /// The client's time-out.
    pub(super) timeout: Duration,
}

impl Run {
    /// Starts the client and waits until the script is over and the client has ended, or does
    /// nothing more.
    pub(super) async fn make(client: &Client, script: &Script) -> Result<Self, Finding> {
        let id = LeaseId::from_number(rand::random());
        let port = client.program.port;
        let server = Server::start(client.transport, port, script, id).await;
        let mut server = server.map_err(|error| cannot_listen(port, &error))?;
        let values = [
            ("{host}", server.address.ip().to_string()),
            ("{port}", server.address.port().to_string()),
            ("{id}", id.to_string()),
        ];
        let mut lines = if client.program.holds("{id}") {
            Vec::new()
        } else {
            vec![id.to_string()]
        };
        let mut other = id;
        lines.extend((0..OTHER_IDS).map(|_| {
            other = other.other(rand::random::<u32>() % 1000);
            other.to_string()
        }));
        let running = Running::start(&client.program, &values, &lines)
            .map_err(|error| cannot_start(client, &error))?;
        Ok(watch(client, script, &mut server, running, id).await)
    }
}

fn cannot_listen(port: Option<u16>, error: &io::Error) -> Finding {
    let port = port.unwrap_or(0);
    Finding::fail(format!("the checker cannot listen on port {port}: {error}"))
}

fn cannot_start(client: &Client, error: &io::Error) -> Finding {
    let what = format!("the client cannot be started: {error}");
    Finding::fail(what).sent(client.program.shown())
}

async fn watch(
    client: &Client,
    script: &Script,
    server: &mut Server,
    mut running: Running,
    id: LeaseId,
) -> Run {
    let mut requests: Vec<Heard> = Vec::new();
    let mut ended = false;
    let mut deadline = Deadline::now() + FIRST_REQUEST_WITHIN;
    while requests.len() < MAX_REQUESTS {
        let event = async {
            tokio::select! {
                biased;
                heard = server.heard.recv() => heard,
                () = running.ended() => None,
            }
        };
        match timeout_at(deadline, event).await {
            Ok(Some(heard)) => requests.push(heard),
            Ok(None) => {
                ended = true;
                break;
            }
            Err(_) => break,
        }
        let patience = if script.is_over(requests.len()) {
            ENDS_WITHIN
        } else {
            client.timeout * 2 + SLACK
        };
        deadline = Deadline::now() + patience;
    }
    let first = requests.first().map(|heard| heard.at);
    let lasted = first.filter(|_| ended).map(|first| first.elapsed());
    // A status is there at once, and a client that goes on is ended.
    let patience = if ended { ENDS_WITHIN } else { Duration::ZERO };
    let ended = running.end(patience).await;
    // What it sent just before its end.
    while let Ok(heard) = server.heard.try_recv() {
        requests.push(heard);
    }
    Run {
        id,
        requests,
        ended,
        lasted,
        timeout: client.timeout,
    }
}

impl Run {
    /// The time between the first request and what the client did then: the next request, or its
    /// end.
    pub(super) fn waited(&self) -> Option<Duration> {
        let first: Instant = self.requests.first()?.at;
        match self.requests.get(1) {
            Some(second) => Some(second.at - first),
            None => self.lasted,
        }
    }
}
