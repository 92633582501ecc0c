//! Receiving: who knocks is asked by whose leave, then its files are taken.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fleetlink_proto::DeviceName;
use fleetlink_proto::transfer::limits::{Deadlines, GOODBYE_DEADLINE, STATE_STEP, UNUSED_DEADLINE};
use fleetlink_proto::transfer::{
    Ended, Greeting, Introduction, Message, Offer, Reason, State, TransferFailure, WaitsFor,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::control::Control;
use super::credentials::{Credentials, Introduced};
use super::doorstep::{Decision, Doorstep, Place};
use super::incoming::{self, Stored};
use super::peer::GREETING_BYTES;
use super::places::{Place as FilePlace, Places};
use super::transport::{Connection, Endpoint, Knock, RecvHalf, SendHalf};
use crate::Inbox;
use crate::limits::{ARRIVAL_QUEUE, MAX_PEERS};

/// Takes files from peers that the hub lets send.
#[derive(Debug)]
pub struct Listener {
    endpoint: Endpoint,
    shared: Arc<Shared>,
    unknown: Doorstep,
}

#[derive(Debug)]
struct Shared {
    credentials: Arc<Credentials>,
    inbox: Arc<Inbox>,
    deadlines: Deadlines,
    peers: Arc<Semaphore>,
    places: Places,
    arrivals: mpsc::Sender<Arrival>,
    last_number: AtomicU64,
}

/// The reason for which a peer is refused.
struct Refused {
    /// The reason that the peer is told.
    ended: Ended,
    /// The device whose key is in doubt, and why, for this device.
    doubted: Option<(DeviceName, Ended)>,
}

impl From<Ended> for Refused {
    fn from(ended: Ended) -> Self {
        Refused {
            ended,
            doubted: None,
        }
    }
}

/// An event of a file that another device offers. All events of one file have its number.
#[derive(Debug)]
pub enum Arrival {
    /// It was accepted and is coming.
    Coming {
        /// The number of the file among those of this listener.
        number: u64,
        /// The device that sends it.
        sender: DeviceName,
        /// The offer. Its name was checked and is that of a file.
        offer: Offer,
        /// The address of the sender.
        address: Option<SocketAddr>,
        /// To watch and to end it.
        control: Control,
    },
    /// It is here, verified and durable.
    Stored {
        /// The number of the file, as when it was coming.
        number: u64,
        /// The device that sends it.
        sender: DeviceName,
        /// The names, the path and the size.
        stored: Stored,
    },
    /// It was refused, or failed. Nothing of it stays.
    Failed {
        /// The number of the file, as when it was coming, if it was.
        number: u64,
        /// The device that offered it.
        sender: DeviceName,
        /// The offer, if it came. Its name is a text from outside.
        offer: Option<Offer>,
        /// The reason, and which side gave it.
        failure: TransferFailure,
    },
}

impl Listener {
    /// A listener at this endpoint, and what arrives there. When [`crate::limits::ARRIVAL_QUEUE`]
    /// of it wait to be looked at, files wait too.
    pub fn new(
        endpoint: Endpoint,
        credentials: Arc<Credentials>,
        inbox: Arc<Inbox>,
        deadlines: Deadlines,
    ) -> (Self, mpsc::Receiver<Arrival>) {
        let (arrivals, queue) = mpsc::channel(ARRIVAL_QUEUE);
        let shared = Shared {
            credentials,
            inbox,
            deadlines,
            peers: Arc::new(Semaphore::new(MAX_PEERS)),
            places: Places::default(),
            arrivals,
            last_number: AtomicU64::new(0),
        };
        let listener = Listener {
            endpoint,
            shared: Arc::new(shared),
            unknown: Doorstep::default(),
        };
        (listener, queue)
    }

    /// Serves until the endpoint is closed. Dropped, it ends everything that is under way.
    pub async fn run(self) {
        let mut peers = JoinSet::new();
        while let Some(knock) = self.endpoint.accept().await {
            while let Some(served) = peers.try_join_next() {
                if let Err(error) = served {
                    tracing::error!(%error, "serving a peer stopped unexpectedly");
                }
            }
            let Some(address) = knock.address() else {
                knock.refuse();
                continue;
            };
            match self.unknown.knock(address.ip(), knock.address_is_shown()) {
                Decision::Place(place) => {
                    drop(peers.spawn(self.shared.clone().serve(knock, place)));
                }
                Decision::ShowAddress => knock.ask_for_address(),
                Decision::Full => knock.refuse(),
            }
        }
    }
}

impl Shared {
    async fn serve(self: Arc<Self>, knock: Knock, unknown: Place) {
        let deadline = self.deadlines.introduction;
        let connection = match knock.admit(deadline).await {
            Ok(connection) => connection,
            Err(error) => return tracing::debug!(%error, "a peer did not finish its handshake"),
        };
        let introduced = timeout(deadline, self.introduced(&connection)).await;
        drop(unknown);
        match introduced {
            Ok(Ok((sender, _place))) => self.take_files(connection, sender).await,
            Ok(Err(Refused { ended, doubted })) => {
                tracing::debug!(reason = ended.reason.name(), "a peer was refused");
                if let Some((sender, why)) = doubted {
                    self.tell_doubt(sender, why).await;
                }
                // It hears why before the connection goes.
                let _ = timeout(GOODBYE_DEADLINE, connection.closed()).await;
                connection.close(ended.reason);
            }
            Err(_) => connection.close(Reason::TimedOut),
        }
    }

    /// The device at the other end, with its place among the peers.
    async fn introduced(
        &self,
        connection: &Connection,
    ) -> Result<(DeviceName, OwnedSemaphorePermit), Refused> {
        let lost = |e: &dyn std::fmt::Display| Ended::new(Reason::ConnectionLost, e.to_string());
        let (mut send, mut recv) = connection.accept().await.map_err(|e| lost(&e))?;
        let stream = recv.read_all(GREETING_BYTES).await.map_err(|e| lost(&e))?;
        let judged = self.judge(connection, &stream).await;
        let greeting = match &judged {
            Ok((peer, _)) => Greeting::Welcome(self.credentials.certificate_at(peer.hub)),
            Err(refused) => Greeting::Refused(refused.ended.clone()),
        };
        let told = send.write_all(greeting.encode()).await;
        send.finish();
        // A peer that does not wait for its refusal is refused all the same.
        let (peer, place) = judged?;
        told.map_err(|e| lost(&e))?;
        Ok((peer.sender.party.name, place))
    }

    async fn judge(
        &self,
        connection: &Connection,
        stream: &[u8],
    ) -> Result<(Introduced, OwnedSemaphorePermit), Refused> {
        let introduction = Introduction::decode(stream).map_err(|f| f.ended().clone())?;
        let peer = connection.peer();
        let introduced = self.credentials.check_sender(&introduction, peer)?;
        let met = self.credentials.meet(&introduced.sender).await;
        met.map_err(|doubt| Refused {
            ended: doubt.told,
            doubted: Some((introduced.sender.party.name.clone(), doubt.here)),
        })?;
        let place = self.peers.clone().try_acquire_owned().map_err(|_| busy())?;
        Ok((introduced, place))
    }

    /// A file that was never offered is told of all the same: somebody has to look at this.
    async fn tell_doubt(&self, sender: DeviceName, why: Ended) {
        let failed = Arrival::Failed {
            number: self.next_number(),
            sender,
            offer: None,
            failure: TransferFailure::Here(why),
        };
        if timeout(GOODBYE_DEADLINE, self.arrivals.send(failed))
            .await
            .is_err()
        {
            tracing::warn!("nobody looks at the peers that were refused");
        }
    }

    async fn take_files(self: &Arc<Self>, connection: Connection, sender: DeviceName) {
        let mut files = JoinSet::new();
        loop {
            let next = timeout(UNUSED_DEADLINE, connection.accept()).await;
            while files.try_join_next().is_some() {}
            match next {
                Ok(Ok(stream)) => {
                    let (shared, sender) = (self.clone(), sender.clone());
                    let address = connection.address();
                    files.spawn(shared.take_one(stream, sender, address));
                }
                Err(_) if !files.is_empty() => {}
                Err(_) => return connection.close(Reason::TimedOut),
                Ok(Err(error)) => {
                    tracing::debug!(%error, %sender, "a peer went");
                    // They fail of themselves, and say so.
                    while files.join_next().await.is_some() {}
                    return;
                }
            }
        }
    }

    /// A file's end is told in any case, also where its task dies: somebody may wait for it.
    async fn take_one(
        self: Arc<Self>,
        stream: (SendHalf, RecvHalf),
        sender: DeviceName,
        address: Option<SocketAddr>,
    ) {
        let number = self.next_number();
        let (shared, whose) = (self.clone(), sender.clone());
        // Not detached: it ends with this one.
        let mut task = JoinSet::new();
        task.spawn(async move { shared.take_file(number, stream, whose, address).await });
        if let Some(Err(died)) = task.join_next().await {
            tracing::error!(%died, "taking a file stopped unexpectedly");
            let failed = Arrival::Failed {
                number,
                sender,
                offer: None,
                failure: TransferFailure::here(Reason::Internal, "taking it stopped unexpectedly"),
            };
            let _ = self.arrivals.send(failed).await;
        }
    }

    fn next_number(&self) -> u64 {
        self.last_number.fetch_add(1, Ordering::Relaxed) + 1
    }

    async fn take_file(
        &self,
        number: u64,
        mut stream: (SendHalf, RecvHalf),
        sender: DeviceName,
        address: Option<SocketAddr>,
    ) {
        let Some(place) = self.place(&mut stream.0).await else {
            return self.turn_away(&mut stream.0, number, sender).await;
        };
        // Reserved before the offer is answered, so that no file is taken that nobody hears of.
        let Ok(coming) = self.arrivals.reserve().await else {
            return self.turn_away(&mut stream.0, number, sender).await;
        };
        let control = Control::new();
        let told = |offer: &Offer| {
            coming.send(Arrival::Coming {
                number,
                sender: sender.clone(),
                offer: offer.clone(),
                address,
                control: control.clone(),
            });
        };
        let Shared {
            inbox, deadlines, ..
        } = self;
        let outcome =
            incoming::receive(stream, &sender, inbox, *deadlines, &control, place, told).await;
        let arrival = match outcome.result {
            Ok(stored) => Arrival::Stored {
                number,
                sender,
                stored,
            },
            Err(failure) => Arrival::Failed {
                number,
                sender,
                offer: outcome.offer,
                failure,
            },
        };
        // Nobody listens any more: the process is ending.
        let _ = self.arrivals.send(arrival).await;
    }

    /// A place for a file, as soon as one is free; the sender is told meanwhile that it waits for
    /// one. None where too many wait, or the sender does no more.
    async fn place(&self, send: &mut SendHalf) -> Option<FilePlace> {
        let mut taking = pin!(self.places.take());
        let mut stopped = pin!(send.stopped());
        loop {
            tokio::select! {
                biased;
                place = &mut taking => return place,
                _ = &mut stopped => return None,
                () = sleep(STATE_STEP) => {
                    let waits = Some(WaitsFor::Place);
                    let state = Message::State(State { bytes: 0, waits }).encode();
                    timeout(GOODBYE_DEADLINE, send.write_all(state)).await.ok()?.ok()?;
                }
            }
        }
    }

    async fn turn_away(&self, send: &mut SendHalf, number: u64, sender: DeviceName) {
        let refusal = Message::Refuse(busy()).encode();
        if send.write_all(refusal).await.is_ok() {
            send.finish();
            send.delivered(GOODBYE_DEADLINE).await;
        }
        let failed = Arrival::Failed {
            number,
            sender,
            offer: None,
            failure: TransferFailure::Here(busy()),
        };
        let _ = self.arrivals.send(failed).await;
    }
}

fn busy() -> Ended {
    let message = "the device is taking as many files as it can; try again later";
    Ended::new(Reason::Busy, message)
}
