//! One run of the client against one script.

use std::time::Duration;

use fleetlink_proto::number_exchange::Form;
use tokio::time::timeout;

use super::Client;
use super::script::Reaction;
use super::server::{Heard, Server};
use crate::{Ended, Finding, Running};

/// The time from the start of a client to its request: a virtual machine on a busy computer needs
/// seconds.
const FIRST_REQUEST_WITHIN: Duration = Duration::from_secs(60);
/// The time for a client to end after the server's reaction.
pub(super) const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// The time by which a client's time-out may be late, beside the same time again.
const LATE: Duration = Duration::from_secs(5);

/// The behaviour of a client in one run.
pub(super) struct Run {
    pub(super) reaction: Reaction,
    /// The number that it was given.
    pub(super) number: u8,
    /// The form that it has to speak, if any.
    pub(super) wanted: Option<Form>,
    /// Its first request.
    pub(super) heard: Option<Heard>,
    pub(super) ended: Ended,
    /// The time that the checker waited for it after its request.
    pub(super) patience: Duration,
    /// From the request to the client's end.
    pub(super) lasted: Duration,
}

impl Run {
    /// Starts the client and waits until it has ended, or does nothing more.
    pub(super) async fn make(
        client: &Client,
        reaction: Reaction,
        number: u8,
    ) -> Result<Self, Finding> {
        let port = client.program.port;
        let server = Server::start(port, reaction).await;
        let mut server = server.map_err(|error| {
            let port = port.unwrap_or(0);
            Finding::fail(format!("the checker cannot listen on port {port}: {error}"))
        })?;
        let values = [
            ("{host}", server.address.ip().to_string()),
            ("{port}", server.address.port().to_string()),
            ("{number}", number.to_string()),
        ];
        // Where the number is no argument, the client asks for it.
        let line = (!client.program.holds("{number}")).then(|| number.to_string());
        let lines: Vec<String> = line.into_iter().collect();
        let mut running = Running::start(&client.program, &values, &lines).map_err(|error| {
            let what = format!("the client cannot be started: {error}");
            Finding::fail(what).sent(client.program.shown())
        })?;
        let first = async {
            tokio::select! {
                biased;
                heard = server.heard.recv() => heard,
                () = running.ended() => None,
            }
        };
        let heard = timeout(FIRST_REQUEST_WITHIN, first).await.ok().flatten();
        let patience = match (reaction, &heard) {
            (_, None) => Duration::ZERO,
            (Reaction::Silence, _) => client.timeout * 2 + LATE,
            _ => ENDS_WITHIN,
        };
        let ended = timeout(patience, running.ended()).await;
        let lasted = heard.as_ref().map(|heard| heard.at.elapsed());
        let settle = if ended.is_ok() {
            ENDS_WITHIN
        } else {
            Duration::ZERO
        };
        Ok(Run {
            reaction,
            number,
            wanted: client.form,
            // A client that ended at once may have been heard just now.
            heard: heard.or_else(|| server.heard.try_recv().ok()),
            ended: running.end(settle).await,
            patience,
            lasted: lasted.unwrap_or_default(),
        })
    }
}
