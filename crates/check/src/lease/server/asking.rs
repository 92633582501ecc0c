//! Asking the server that is checked.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fleetlink_proto::lease::{LeaseId, Request, ServerReply, Transport};
use tokio::time::sleep;

use super::exchange::{Asked, over_tcp, over_udp};
use crate::{CheckResult, Finding, Trace, shown};

/// The time after which a reply counts as none.
pub(super) const REPLY_WITHIN: Duration = Duration::from_secs(5);
/// Requests without a reply before the server counts as silent: the network may lose a datagram,
/// and a connection that waits when its server dies is answered by nobody.
const UNANSWERED: u32 = 3;
/// Between two of them: a server that dies is gone by then.
const BETWEEN_TRIES: Duration = Duration::from_millis(300);
/// Ids that are tried where others are in use already.
const FRESH_TRIES: u32 = 8;
/// From one id to the next: without a common divisor with 10,000, so that all come once.
const ID_STEP: u32 = 7_919;

/// The server, and the ids that this run has not used yet.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) server: SocketAddr,
    pub(super) transport: Transport,
    /// The server's lease time.
    pub(super) lease: Duration,
    pub(super) trace: Trace,
    next_id: Arc<AtomicU32>,
}

/// The reply to a second client about a granted id.
pub(super) enum Held {
    /// It is in use.
    Yes(Asked),
    /// The reply came so late that the lease may have been over.
    TooLate,
}

impl Target {
    pub(super) fn new(
        server: SocketAddr,
        transport: Transport,
        lease: Duration,
        trace: Trace,
    ) -> Self {
        Target {
            server,
            transport,
            lease,
            trace,
            next_id: Arc::new(AtomicU32::new(rand::random())),
        }
    }

    /// The same server and ids over the other transport.
    pub(super) fn over(&self, transport: Transport) -> Self {
        Target {
            transport,
            ..self.clone()
        }
    }

    /// An id that this run has not used.
    pub(super) fn new_id(&self) -> LeaseId {
        let count = self.next_id.fetch_add(1, Ordering::Relaxed) % 10_000;
        LeaseId::from_number(count * ID_STEP)
    }

    /// One exchange from a new client. No reply at all is one of no bytes.
    pub(super) async fn exchange(&self, request: &[u8], wait: Duration) -> io::Result<Asked> {
        match self.transport {
            Transport::Udp => over_udp(self.server, request, wait).await,
            Transport::Tcp => over_tcp(self.server, request, wait).await,
        }
    }

    /// Sends an input that a check is about.
    pub(super) async fn try_input(&self, input: &[u8]) -> Result<Asked, Finding> {
        let asked = self.exchange(input, REPLY_WITHIN).await;
        let asked = asked.map_err(|error| no_server(&error).sent(shown(input)))?;
        self.trace.note(input);
        Ok(asked)
    }

    /// Asks for an id, from a new client each time, until there is a reply. A good request without
    /// one is never taken for what killed the server.
    pub(super) async fn ask(&self, id: LeaseId) -> Result<Asked, Finding> {
        let request = Request::encode(id);
        let mut tries = 0;
        loop {
            let asked = self.exchange(&request, REPLY_WITHIN).await;
            let asked = asked.map_err(|error| no_server(&error).sent(shown(&request)))?;
            tries += 1;
            if !asked.reply.is_empty() {
                self.trace.note_good(&request);
                return Ok(asked);
            }
            if tries == UNANSWERED {
                return Err(asked.fail(&format!("{tries} requests in a row got no answer")));
            }
            sleep(BETWEEN_TRIES).await;
        }
    }

    /// Asks for a new id, and expects any reply about it.
    pub(super) async fn answered(&self) -> Result<Asked, Finding> {
        let id = self.new_id();
        let asked = self.ask(id).await?;
        match asked.parsed() {
            Some(reply) if reply.id() == id => Ok(asked),
            _ => Err(asked.fail("the reply is neither OK nor RESET of this id")),
        }
    }

    /// Has an id granted that was free, from a new client.
    pub(super) async fn granted(&self) -> Result<(LeaseId, Asked), Finding> {
        let mut tries = 0;
        loop {
            let id = self.new_id();
            let asked = self.ask(id).await?;
            tries += 1;
            match asked.parsed() {
                Some(ServerReply::Granted { id: granted, .. }) if granted == id => {
                    return Ok((id, asked));
                }
                // Somebody else may use the server, too.
                Some(ServerReply::InUse { id: refused }) if refused == id => {
                    if tries == FRESH_TRIES {
                        let why = format!("{tries} ids in a row are in use");
                        return Err(asked.fail(&why).expected(format!("OK {id} …")));
                    }
                }
                _ => {
                    let why = "a free id is answered OK <id> <ip> <port>";
                    return Err(asked.fail(why).expected(format!("OK {id} …")));
                }
            }
        }
    }

    /// Expects that an id is in use which was granted by `grant`.
    pub(super) async fn expect_held(
        &self,
        id: LeaseId,
        grant: &Asked,
        why: &str,
    ) -> Result<Held, Finding> {
        let asked = self.ask(id).await?;
        if asked.after >= grant.before + self.lease {
            return Ok(Held::TooLate);
        }
        asked.expect_in_use(id, why).map(Held::Yes)
    }

    /// Expects that an id is granted.
    pub(super) async fn expect_granted(&self, id: LeaseId, why: &str) -> CheckResult {
        let asked = self.ask(id).await?;
        if asked.grants(id) {
            return Ok(asked.pass());
        }
        Err(asked.fail(why).expected(format!("OK {id} …")))
    }
}

/// The finding when there is no exchange.
pub(super) fn no_server(error: &io::Error) -> Finding {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        return Finding::gone("nothing listens at the address: connection refused");
    }
    Finding::fail(format!("cannot ask the server: {error}"))
}
