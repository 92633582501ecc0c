//! Files on their way to one other device.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use fleetlink_proto::DeviceName;
use fleetlink_proto::control::OpenTransferReply;
use fleetlink_proto::transfer::limits::{Deadlines, STALL_DEADLINE};
use fleetlink_proto::transfer::{self, Ended, FileName, Offer, Reason, Receipt, WaitsFor};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use super::Client;
use super::direct::open_file;
use super::reports::Report;
use crate::retry::{Attempt, Patience, Tries, retry};
use crate::{Control, Error, ErrorKind, OpenFile, Peer, Result};

/// The options of a send.
#[derive(Debug, Clone)]
pub struct SendOptions {
    /// The name under which a file is sent in place of its own.
    pub name: Option<FileName>,
    /// The time for which a device that is not ready is tried again.
    pub retry_for: Duration,
    /// The time for which nothing may move in a transfer whose connection lives.
    pub idle_timeout: Duration,
}

impl Default for SendOptions {
    fn default() -> Self {
        SendOptions {
            name: None,
            retry_for: STALL_DEADLINE,
            idle_timeout: STALL_DEADLINE,
        }
    }
}

/// An event of a file that is sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendEvent<'a> {
    /// It is offered to the receiver, which is reached at this address. After a failure that passed
    /// it is offered again.
    Offered {
        /// The name and the size.
        offer: &'a Offer,
        /// The address of the receiver.
        address: Option<SocketAddr>,
    },
    /// It waits its turn at the receiver.
    Waits,
    /// The receiver is not ready; it is tried again after so long.
    Retries {
        /// The reason for which it is not ready.
        failure: &'a transfer::TransferFailure,
        /// The time until the next try.
        wait: Duration,
    },
}

/// Hears what happens to a file that is sent.
pub type Tell<'a> = dyn Fn(SendEvent<'_>) + Send + Sync + 'a;

/// A way to one other device: a connection, and another one where that is lost between two tries.
pub struct Outbound {
    client: Client,
    to: DeviceName,
    options: SendOptions,
    way: Mutex<Way>,
}

#[derive(Default)]
struct Way {
    /// The hub's permission for the next connection, where there is one already.
    permission: Option<OpenTransferReply>,
    peer: Option<Peer>,
    /// The address of the last connection, once it is closed.
    address: Option<SocketAddr>,
}

impl Client {
    /// Asks the hub's permission to send files to this device. [`send`](Client::send) does all
    /// that follows, too.
    ///
    /// # Errors
    /// The device is this one or is not there, or the hub cannot be reached.
    pub async fn outbound(&self, to: DeviceName, options: SendOptions) -> Result<Outbound> {
        if to == *self.device() {
            let text = "a file is sent to another device, not to this one";
            return Err(Error::usage(text));
        }
        let direct = self.direct().await?;
        let permission = direct.permission(&self.session().await?, &to).await?;
        let way = Way {
            permission: Some(permission),
            peer: None,
            address: None,
        };
        Ok(Outbound {
            client: self.clone(),
            to,
            options,
            way: Mutex::new(way),
        })
    }
}

impl Outbound {
    /// The receiver.
    pub fn to(&self) -> &DeviceName {
        &self.to
    }

    /// Connects to the receiver, so that each file can begin at once.
    ///
    /// # Errors
    /// It cannot be reached, or is not ready for as long as it is tried again.
    pub async fn connect(&self, tell: &Tell<'_>) -> Result<()> {
        let mut reaching = Reaching {
            outbound: self,
            tell,
        };
        let patience = Patience::Peer(self.options.retry_for);
        Box::pin(retry(&mut Tries::new(patience), &mut reaching)).await
    }

    /// Sends a file. The receipt says that the receiver has it, verified and durable. Several may be
    /// under way at once.
    ///
    /// # Errors
    /// The file cannot be read, the receiver refuses it or is not ready for as long as it is tried
    /// again, the connection is lost, or `control` ends it.
    pub async fn deliver(
        &self,
        path: &Path,
        control: &Control,
        tell: &Tell<'_>,
    ) -> Result<Receipt> {
        let mut delivery = Delivery {
            outbound: self,
            path,
            control,
            tell,
            report: None,
        };
        let patience = Patience::Peer(self.options.retry_for);
        let sent = Box::pin(retry(&mut Tries::new(patience), &mut delivery)).await;
        if let Some(report) = delivery.report {
            report.end(&sent);
        }
        sent
    }

    /// The address at which the receiver is reached by now, or was when the connection was closed.
    pub async fn address(&self) -> Option<SocketAddr> {
        let way = self.way.lock().await;
        let now = way.peer.as_ref().and_then(Peer::address);
        now.or(way.address)
    }

    /// Ends the connection; files that are under way fail.
    pub async fn close(&self, reason: Reason) {
        let mut way = self.way.lock().await;
        if let Some(peer) = way.peer.take() {
            way.address = peer.address();
            peer.close(reason);
        }
    }

    fn deadlines(&self) -> Deadlines {
        Deadlines {
            stall: self.options.idle_timeout,
            ..Deadlines::default()
        }
    }

    /// The receiver: over the connection at hand, as long as that lives. Each new one has a
    /// permission of its own, since the last one's time may be over.
    async fn peer(&self, until: Option<Instant>) -> Result<Peer> {
        let mut way = self.way.lock().await;
        if let Some(peer) = way.peer.as_ref().filter(|peer| !peer.is_closed()) {
            return Ok(peer.clone());
        }
        let direct = self.client.direct().await?;
        let permission = match way.permission.take() {
            Some(permission) => permission,
            None => {
                let session = self.client.session_until(until).await?;
                direct.permission(&session, &self.to).await?
            }
        };
        let peer = direct.connect(permission, self.deadlines()).await?;
        way.peer = Some(peer.clone());
        Ok(peer)
    }
}

struct Reaching<'a> {
    outbound: &'a Outbound,
    tell: &'a Tell<'a>,
}

impl Attempt for Reaching<'_> {
    type Done = ();

    async fn attempt(&mut self, tries: &mut Tries) -> Result<()> {
        self.outbound.peer(tries.until()).await.map(drop)
    }

    async fn wait(&mut self, error: &Error, wait: Duration) -> Result<()> {
        tell_retry(self.tell, error, wait);
        sleep(wait).await;
        Ok(())
    }
}

struct Delivery<'a> {
    outbound: &'a Outbound,
    path: &'a Path,
    control: &'a Control,
    tell: &'a Tell<'a>,
    /// The report to the hub, once the file is offered.
    report: Option<Report>,
}

impl Attempt for Delivery<'_> {
    type Done = Receipt;

    async fn attempt(&mut self, tries: &mut Tries) -> Result<Receipt> {
        let until = tries.until();
        // As it is now: it may have changed since the last try.
        let file = open_file(self.path, self.outbound.options.name.clone()).await?;
        let reaching = self.outbound.peer(until);
        let peer = unless_cancelled(self.control, reaching).await?;
        let offer = file.offer();
        (self.tell)(SendEvent::Offered {
            offer: &offer,
            address: peer.address(),
        });
        // Another connection has another grant; what was told under the last one fails.
        if self
            .report
            .as_ref()
            .is_none_or(|report| !report.is_of(&peer, &offer))
        {
            if let Some(lost) = self.report.take() {
                lost.lose();
            }
            self.report = self
                .outbound
                .client
                .begin_report(&peer, &offer, self.control);
        }
        self.send(&peer, file, until).await
    }

    async fn wait(&mut self, error: &Error, wait: Duration) -> Result<()> {
        tell_retry(self.tell, error, wait);
        let waiting = async {
            sleep(wait).await;
            Ok(())
        };
        unless_cancelled(self.control, waiting).await
    }
}

impl Delivery<'_> {
    /// Sends the file. While the receiver lets it wait its turn that is told once; it waits no
    /// longer than it would be tried again.
    async fn send(&self, peer: &Peer, file: OpenFile, until: Option<Instant>) -> Result<Receipt> {
        let waiting = async {
            let mut changes = self.control.waits();
            let waits = |waits: &Option<WaitsFor>| *waits == Some(WaitsFor::Place);
            let mut told = false;
            while changes.wait_for(waits).await.is_ok() {
                if !std::mem::replace(&mut told, true) {
                    (self.tell)(SendEvent::Waits);
                }
                tokio::select! {
                    _ = changes.wait_for(|now| !waits(now)) => {}
                    () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                        let limit = self.outbound.options.retry_for.as_secs_f32();
                        let why = format!("no place became free for {limit} s");
                        self.control.cancel(Reason::Busy, &why);
                        break;
                    }
                }
            }
            std::future::pending::<()>().await;
        };
        let sent = tokio::select! {
            sent = peer.send(file, self.control) => sent,
            () = waiting => Err(transfer::TransferFailure::here(Reason::Internal, "waiting ended")),
        };
        sent.map_err(Error::transfer)
    }
}

fn tell_retry(tell: &Tell<'_>, error: &Error, wait: Duration) {
    if let ErrorKind::Transfer(failure) = error.kind() {
        tell(SendEvent::Retries { failure, wait });
    }
}

/// Does `work` unless the transfer is ended before.
async fn unless_cancelled<T>(
    control: &Control,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let ended = |ended: Ended| Err(Error::transfer(transfer::TransferFailure::Here(ended)));
    tokio::select! {
        done = work => done,
        why = control.cancelled() => ended(why),
    }
}
